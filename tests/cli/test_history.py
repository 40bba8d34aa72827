"""chatsrv presence-export: who was here from when to when, as CSV."""

from __future__ import annotations

import csv
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import AWAY
from chatsrv.services import Services
from tests.cli.shell import Shell
from tests.conftest import DemoApp
from tests.services.visits import begin, come, go, intervals_of, make_people, say

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

HEAD = ["username", "from", "to", "seconds", "presence_status"]


@pytest.fixture
async def visited(services: Services, demo: DemoApp, clock: Clock, tmp_path: Path) -> Shell:
    """Anna was here for a minute, and so was the one with the odd name, who still is; all that was tomorrow."""
    await begin(services, clock)
    anna, odd = await make_people(services, "anna", 'o"dd, one')
    for user in (anna, odd):
        await come(services, user)
    clock.advance(60)
    await go(services, anna)
    await say(services, odd, AWAY)
    await services.chronicle.run()
    return Shell(tmp_path, {"DATABASE_URL": services.settings.database_url})


def read(text: str) -> list[list[str]]:
    return list(csv.reader(StringIO(text)))


async def test_everybody_who_was_here_is_a_line(visited: Shell, services: Services) -> None:
    done = await visited.run("presence-export", "demo", "--to", "9998-01-01")
    assert (done.status, done.err) == (0, "")
    head, *lines = read(done.out)
    assert head == HEAD
    assert [(line[0], bool(line[2]), line[4]) for line in lines] == [
        ("anna", True, "1"),
        ('o"dd, one', True, "1"),
        ('o"dd, one', False, "3"),
    ]
    anna = await services.users.find("demo", "anna")
    [interval] = await intervals_of(services, anna)
    assert interval.to_at
    lasted = timedelta(milliseconds=interval.to_at - interval.from_at)
    assert float(lines[0][3]) == lasted.total_seconds()


async def test_a_time_can_be_asked_for_and_a_file_written(visited: Shell, services: Services) -> None:
    done = await visited.answer("presence-export", "demo", "out.csv", "--from", "2001-01-01", "--to", "2001-02-01")
    assert done == {"exported": 0, "file": "out.csv"}
    assert read((visited.folder / "out.csv").read_text()) == [HEAD]
    done = await visited.answer("presence-export", "demo", "out.csv", "--from", "12h", "--to", "9998-01-01")
    assert done["exported"] == 3


async def test_what_cannot_be_exported_is_told_in_a_sentence(visited: Shell) -> None:
    done = await visited.run("presence-export", "shop")
    assert (done.status, done.complaint.startswith("chatsrv: There is no app 'shop'")) == (1, True)
    done = await visited.run("presence-export", "demo", "--to", "30")
    assert (done.status, "--to '30' has no unit" in done.complaint) == (2, True)
