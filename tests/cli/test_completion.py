"""Shell completion: the script in a real bash, and what we answer where shells ask as click's scripts do."""

import asyncio
import json
import shlex
import sys

import pytest

from tests.cli.shell import Shell
from tests.cli.test_doctor import somebody

ASK = r"""
export PATH="$PWD/bin:$PATH"
. ./script
ask() {
  COMP_WORDS=(chatsrv "$@") COMP_CWORD=$# COMPREPLY=()
  _chatsrv_completion chatsrv
  printf '%s\n' "${COMPREPLY[*]}"
}
"""


async def offered(shell: Shell, *words: str) -> list[str]:
    """What a shell may put in the place of the last word."""
    asked = {"_CHATSRV_COMPLETE": "bash_complete", "COMP_WORDS": shlex.join(["chatsrv", *words])}
    told = await Shell(shell.folder, {**shell.variables, **asked, "COMP_CWORD": str(len(words))}).run()
    assert (told.status, told.err) == (0, "")
    return [line.partition(",")[2] for line in told.out.splitlines() if line]


@pytest.fixture(scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """An app whose users have names of every kind."""
    shell = Shell(tmp_path_factory.mktemp("shop"), {})
    await shell.answer("app", "create", "shop")
    names = [
        "anna",
        "Anton",
        "bert",
        "$(touch pwned)",
        "`touch pwned`",
        "a;touch pwned",
        "-rf",
        "anna@example.org",
        "a*",
    ]
    lines = "\n".join(json.dumps({"username": name}) for name in names)
    assert (await shell.run("user", "import", "shop", "-", text=lines.encode())).status == 0
    return shell


async def test_a_real_bash_completes_commands_and_usernames(shop: Shell) -> None:
    program = shop.folder / "bin" / "chatsrv"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m chatsrv "$@"\n')
    program.chmod(0o755)
    (shop.folder / "script").write_text((await shop.run("completion", "bash")).out)
    told = await shop.bash(f"{ASK}\nask onl\nask token shop ann")
    assert (told.status, told.err) == (0, "")
    assert told.out.splitlines() == ["online", "anna anna@example.org"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("user ''", ["import", "export"]),
        ("online --so", ["--sort"]),
        ("online --sort ''", ["username", "state", "since"]),
        ("completion ''", ["bash", "zsh", "fish"]),
        ("identity set-password anna@x --app s", ["shop"]),
        ("key revoke sh", ["shop"]),
        ("app show ''", ["shop"]),
        ("app create ''", []),
        ("online x", []),
        ("token nowhere ''", []),
    ],
)
async def test_words_options_choices_and_ids_are_offered(words: str, expected: list[str], shop: Shell) -> None:
    assert await offered(shop, *shlex.split(words)) == expected


async def test_of_names_those_are_offered_alone_that_mean_nothing_to_a_shell(shop: Shell) -> None:
    """It puts them into the line as they are, and whoever chose them did not choose what is run."""
    assert await offered(shop, "token", "shop", "") == ["anna", "anna@example.org", "Anton", "bert"]
    assert await offered(shop, "token", "shop", "An") == ["Anton"]


@pytest.mark.parametrize("name", ["zsh", "fish"])
async def test_the_scripts_of_other_shells_ask_by_the_same_variable(name: str, shell: Shell) -> None:
    script = (await shell.run("completion", name)).out
    assert f"_CHATSRV_COMPLETE={name}_complete" in script
    assert "_chatsrv_completion" in script


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"DATABASE_URL": "postgres://u@127.0.0.1:1/x"},
        {"DATABASE_URL": "nonsense"},
        {"DATABASE_URL": "sqlite:///none.db"},
        {"CHATSRV_GRACE_S": "soon"},
        {"CHATSRV_DATA_DIR": "/dev/null/x"},
    ],
)
async def test_where_there_is_no_database_nothing_is_offered_said_or_made(
    variables: dict[str, str], shell: Shell
) -> None:
    assert await offered(Shell(shell.folder, variables), "online", "") == []
    assert list(shell.folder.iterdir()) == []


async def test_a_database_that_is_silent_is_not_waited_for(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatsrv.cli.completing.PATIENCE_S", 0.1)
    async with somebody(None) as port, asyncio.timeout(5):
        silent = Shell(shell.folder, {"DATABASE_URL": f"postgres://u@127.0.0.1:{port}/x"})
        assert await offered(silent, "online", "") == []


async def test_a_config_file_among_the_words_counts(shop: Shell) -> None:
    (shop.folder / "mine.toml").write_text('data_dir = "elsewhere"\n')
    assert await offered(shop, "online", "") == ["shop"]
    assert await offered(shop, "--config", "mine.toml", "online", "") == []
    assert await offered(shop, "online", "--config", "mine.toml", "") == []
