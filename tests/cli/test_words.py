"""The words of the menu: help, --json and --config anywhere, and what a person is told who got them wrong."""

import json
import re
import sys
from collections.abc import Iterator

import click
import pytest

from chatsrv.cli import menu, run
from tests.cli.shell import Shell


def all_commands(group: click.Group = menu, path: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield f"{path}{name}", command
        if isinstance(command, click.Group):
            yield from all_commands(command, f"{path}{name} ")


WORDS = dict(all_commands())


def render_help(words: str) -> str:
    context = click.Context(menu, info_name="chatsrv")
    for word in words.split():
        command = context.command
        assert isinstance(command, click.Group)
        context = click.Context(command.commands[word], info_name=word, parent=context)
    return context.get_help()


def test_the_menu_has_the_commands_of_the_specification() -> None:
    assert set(WORDS) == {
        *("serve", "worker", "migrate", "doctor", "token", "access-token", "audit", "backup"),
        *("app", "app create", "app list", "app show", "app set", "app delete"),
        *("app rotate-secret", "app remove-public-key", "dashboard", "demo"),
        *("key", "key create", "key list", "key revoke", "key rotate"),
        *("user", "user import", "user export"),
        *("webhook", "webhook add", "webhook list", "webhook show", "webhook remove", "webhook ping", "webhook enable"),
        *("webhook disable", "webhook rotate-secret", "webhook deliveries", "webhook replay"),
        *("identity", "identity set-password"),
        *("online", "config", "completion", "help", "copy-database", "forget-presence", "presence-export"),
    }


@pytest.mark.parametrize("words", WORDS)
def test_every_help_names_json_and_config_and_every_option_says_what_it_does(words: str) -> None:
    text = render_help(words)
    assert "--json" in text
    assert "--config FILE" in text
    options = [option for option in WORDS[words].params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help] == []


def test_the_menu_lists_each_command_in_one_whole_line() -> None:
    assert "..." not in render_help("").partition("Commands:")[2]
    for words, command in WORDS.items():
        if isinstance(command, click.Group):
            assert "..." not in render_help(words).partition("Commands:")[2]


LEAVES = [words for words, command in WORDS.items() if not isinstance(command, click.Group)]


@pytest.mark.parametrize("words", LEAVES)
def test_help_teaches_by_examples_that_the_menu_understands(words: str) -> None:
    examples = render_help(words).partition("Examples:\n")[2].partition("\n\n")[0]
    calls = [part.split() for part in re.findall(r"(?<![\w.-])chatsrv ([^|>)\n]*)", examples)]
    assert any(call[: len(words.split())] == words.split() for call in calls), examples
    for call in calls:
        assert_understood(call)


def assert_understood(call: list[str]) -> None:
    """Its commands and options exist."""
    command: click.Command = menu
    options = {name for option in menu.params for name in option.opts}
    for word in call:
        if isinstance(command, click.Group) and not word.startswith("-"):
            command = command.commands[word]
            options |= {name for option in command.params for name in option.opts}
        elif word.startswith("--"):
            assert word in options, f"{word} in {' '.join(call)}"


async def test_help_is_a_command_too(shell: Shell) -> None:
    for words in ([], ["user"], ["user", "import"]):
        assert (await shell.run("help", *words)).out == (await shell.run(*words, "--help")).out


async def test_help_and_wrong_words_do_not_wait_for_what_only_work_needs(shell: Shell) -> None:
    """The libraries of the stores and of the web take four fifths of a start."""
    told = await shell.run_process("-X", "importtime", "-m", "chatsrv", "app", "creat", program=(sys.executable,))
    assert told.status == 2
    loaded = {line.split("|")[-1].strip() for line in told.err.splitlines() if line.startswith("import time:")}
    assert "chatsrv.cli" in loaded
    assert loaded & {"aiohttp", "alembic", "chatsrv.services", "redis", "socketio", "sqlalchemy"} == set()


async def test_json_is_understood_before_and_after_the_words(shell: Shell) -> None:
    before = await shell.run("--json", "app", "list")
    after = await shell.run("app", "list", "--json")
    assert before.answer == after.answer == []
    assert before.err == after.err == ""


def test_no_word_at_all_shows_the_menu_as_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([], as_json=False) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "chatsrv serve" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("app creat", "Did you mean 'create'? (see chatsrv app --help)"),
        ("app create x --nam=5", "Did you mean '--name'? (see chatsrv app create --help)"),
        ("key create", "Missing argument 'APP'. (see chatsrv key create --help)"),
        ("serve --port 99999", "not in the range 0<=x<=65535"),
        ("app list --config nowhere.toml", "does not exist"),
        ("app delete demo", "add --yes"),
        ("app set demo grace_s", "write it as NAME=VALUE, such as grace_s=5"),
        ("app set demo public_key=@nowhere.pem", "cannot read nowhere.pem: No such file or directory"),
        ("key create demo --scope users", "'users:read'"),
        ("key create demo --expires 30", "no unit"),
        ("key create demo --expires 2020-01-01", "in the past"),
        ("key create demo --expires 999999999d", "too far away"),
        ("key create demo --expires 2027-13-01", "--expires '2027-13-01'"),
        ("token demo anna --ttl soon", "write it as 90s, 15m, 1h or 30d"),
        ("user import demo nowhere.ndjson", "No such file or directory"),
        ("onlin", "Did you mean 'online'?"),
        ("online demo --lmit 5", "Did you mean '--limit'?"),
        ("online demo --once --follow", "contradict each other"),
        ("help user imprt", "Did you mean 'import'?"),
        ("help token demo", "'chatsrv token' has no commands of its own"),
        ("completion tcsh", "'bash', 'zsh', 'fish'"),
    ],
)
def test_wrong_use_is_one_line_with_status_2(words: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words.split(), as_json=False) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert err.startswith("chatsrv: ")
    assert told in err


async def test_a_value_that_the_services_refuse_is_wrong_use_too(shell: Shell) -> None:
    result = await shell.run("app", "create", "Shop")
    assert result.status == 2
    assert "must be 1 to 63 of a-z, 0-9, - and _" in result.complaint
    assert "(see chatsrv app create --help)" in result.complaint


def test_wrong_use_is_told_in_json_where_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["app", "--json", "creat"], as_json=True) == 2
    assert "Did you mean 'create'?" in json.loads(capsys.readouterr().err)["error"]


async def test_a_failure_is_told_in_json_where_asked(shell: Shell) -> None:
    failed = await shell.run("token", "nowhere", "anna", "--json")
    assert (failed.status, failed.out) == (1, "")
    assert "There is no app 'nowhere'. (chatsrv app list tells" in json.loads(failed.complaint)["error"]


async def test_an_unknown_key_in_the_file_is_an_error_and_an_odd_variable_a_warning(shell: Shell) -> None:
    (shell.folder / "mine.toml").write_text("prot = 9000\n")
    failed = await shell.run("app", "list", "--config", "mine.toml")
    assert failed.status == 1
    assert failed.complaint == "chatsrv: mine.toml: there is no setting 'prot'; did you mean 'port'?"
    warned = await Shell(shell.folder, {"CHATSRV_GRACE": "5"}).run("app", "list")
    assert warned.status == 0
    assert "did you mean 'grace_s'?" in warned.complaint


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"REDIS_URL": "secret:6379"}, "use redis://"),
        ({"CHATSRV_DATA_DIR": "/dev/null/x"}, "name another with CHATSRV_DATA_DIR"),
    ],
)
async def test_a_setting_that_cannot_be_is_one_line_that_tells_no_password(
    shell: Shell, variables: dict[str, str], told: str
) -> None:
    result = await Shell(shell.folder, variables).run("app", "list")
    assert (result.status, result.out) == (1, "")
    assert told in result.complaint
    assert "secret" not in result.complaint
