"""chatsrv config: every setting, where it came from, and never a secret; and the example for the environment."""

import json
import re

import pytest

from chatsrv.cli.settings_shown import MASK, env_file, in_words
from chatsrv.settings import PER_APP, Settings, describe, load
from tests.cli.shell import Shell

NAMES = [info.name for info in describe()]


def values(answer: list[dict[str, object]]) -> dict[str, tuple[object, object]]:
    return {str(row["name"]): (row["value"], row["source"]) for row in answer}


async def test_every_setting_is_told_with_its_value_and_what_it_does(shell: Shell) -> None:
    answer = await shell.answer("config")
    assert [row["name"] for row in answer] == NAMES
    assert values(answer)["grace_s"] == (15.0, "default")
    assert [row["description"] for row in answer] == [info.description for info in describe()]
    assert {row["name"] for row in answer if row["per_app"]} == PER_APP
    told = await shell.run("config")
    assert re.findall(r"^(\w+) = ", told.out, re.MULTILINE) == NAMES
    assert "port = 8080\n    Port to listen on; 0 takes a free one.  CHATSRV_PORT, PORT\n" in told.out
    assert not (shell.folder / "data").exists()


async def test_what_was_changed_says_where(shell: Shell) -> None:
    (shell.folder / "mine.toml").write_text("grace_s = 5\npage_max = 100\n")
    mine = Shell(shell.folder, {"CHATSRV_GRACE_S": "6", "PORT": "9000"})
    answer = await mine.answer("config", "--changed", "--config", "mine.toml")
    assert values(answer) == {
        "port": (9000, "PORT"),
        "page_max": (100, "mine.toml"),
        "grace_s": (6.0, "CHATSRV_GRACE_S"),
    }
    told = await mine.run("config", "--changed")
    assert "grace_s = 6   (from CHATSRV_GRACE_S; default 15)\n" in told.out
    assert (await shell.run("config", "--changed")).out == "Everything is as it comes.\n"


@pytest.mark.parametrize("name", ["grace_s", "GRACE_S", "CHATSRV_GRACE_S"])
async def test_one_setting_is_told_alone(name: str, shell: Shell) -> None:
    answer = await shell.answer("config", name)
    assert (answer["name"], answer["default"], answer["variables"]) == ("grace_s", 15.0, ["CHATSRV_GRACE_S"])


async def test_a_setting_that_is_not_there_names_the_nearest(shell: Shell) -> None:
    refused = await shell.run("config", "grace")
    assert refused.status == 2
    assert "there is no setting 'grace'. Did you mean 'grace_s'?" in refused.complaint


URLS = {
    "postgres://anna:hunter2@db/chat": "postgres://anna:***@db/chat",
    "postgres://anna@db:5432/chat?sslmode=require": "postgres://anna@db:5432/chat?sslmode=require",
    "redis://:hunter2@r:6379/1": "redis://:***@r:6379/1",
    "redis://r?password=hunter2&db=1": "redis://r?password=***&db=1",
    "postgres://anna:hunter2@x@db/chat": "postgres://anna:***@db/chat",
    "postgres://anna:hunter2/x@db/chat": MASK,
    "postgres://anna:12/hunter2@db/chat": MASK,
    "postgres://anna:hunter2?x@db/chat": MASK,
    "postgres://anna:hunter2#x@db/chat": MASK,
    "redis://r#hunter2": "redis://r",
    "anna:hunter2@db": MASK,
    "//anna:hunter2@db": MASK,
    "redis://[hunter2": MASK,
    "hunter2": MASK,
    "unix:///run/redis.sock": "unix:///run/redis.sock",
}


@pytest.mark.parametrize("name", ["database_url", "redis_url"])
@pytest.mark.parametrize(("url", "shown"), URLS.items())
async def test_no_password_of_a_url_is_shown(name: str, url: str, shown: str, shell: Shell) -> None:
    mine = Shell(shell.folder, {f"CHATSRV_{name.upper()}": url})
    told = await mine.run("config", name)
    assert told.out.startswith(f"{name} = {shown}   (from CHATSRV_{name.upper()}; default empty)\n")
    assert (await mine.answer("config", name))["value"] == shown


async def test_no_other_secret_is_shown_at_all(shell: Shell) -> None:
    secret = "https://anna:hunter2@x"
    mine = Shell(shell.folder, {"CHATSRV_METRICS_KEY": secret})
    told = [await mine.run("config"), await mine.run("config", "--json"), await mine.run("config", "--env")]
    assert "hunter2" not in "".join(one.out + one.err for one in told)
    assert "anna" not in told[0].out
    assert "metrics_key = ***   (from CHATSRV_METRICS_KEY" in told[0].out


async def test_a_setting_that_cannot_be_is_one_line(shell: Shell) -> None:
    refused = await Shell(shell.folder, {"CHATSRV_GRACE_S": "soon"}).run("config")
    assert (refused.status, refused.out) == (1, "")
    assert "grace_s (from CHATSRV_GRACE_S)" in refused.complaint


async def test_the_example_for_the_environment_has_every_setting_commented_out_with_its_default(shell: Shell) -> None:
    told = (await shell.run("config", "--env")).out
    assert all(line.startswith("#") for line in told.splitlines() if line)
    given = dict(re.findall(r"^# (CHATSRV_\w+)=(.*)$", told, re.MULTILINE))
    assert list(given) == [f"CHATSRV_{name.upper()}" for name in NAMES]
    loaded = load(given)
    assert loaded.settings == Settings()
    assert loaded.warnings == ()
    for info in describe():
        assert f"# {info.description}" in told
    assert (await shell.run("config", "--env", "--json")).status == 2


def test_what_is_uncommented_is_taken_by_a_shell(shell: Shell) -> None:
    """No value needs quotes."""
    assert not re.search(r"^# CHATSRV_\w+=.*[ \t'\"$`\\;&|<>()]", env_file(describe()), re.MULTILINE)


def test_values_are_written_as_the_environment_takes_them() -> None:
    told = [in_words(value) for value in (True, 15.0, 0.5, 1209600.0, (), ("a", "b"), (5.0, 30.5), 8080)]
    assert told == ["true", "15", "0.5", "1209600", "", "a,b", "5,30.5", "8080"]


async def test_json_is_one_object_for_one_name_and_a_list_else(shell: Shell) -> None:
    assert isinstance(json.loads((await shell.run("config", "port", "--json")).out), dict)
    assert await shell.answer("config", "--changed") == []
