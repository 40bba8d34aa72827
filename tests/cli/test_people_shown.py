"""How people are shown: sorted, as wide and high as the terminal, and never so that they steer it."""

import io
import json
import re
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from chatsrv.cli.output import plain
from chatsrv.cli.people_shown import NO_SERVER, Lines, Once, View
from chatsrv.cli.people_table import LiveTable, span
from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import Display, Person, Presence, PresenceStatus
from chatsrv.domain.users import Clocks
from chatsrv.services.onlooking import Crowd
from tests.cli.terminal import ERASED
from tests.domain.test_presence import ANNA

NOW = 1_800_000_000_000
OFFLINE, ONLINE, INVISIBLE, AWAY, DND = PresenceStatus
ALL = View("demo", None, "username")
CONTROL = re.compile("\x1b\\[[?0-9;]*[a-zA-Z]|\r")


def person(name: str, status: PresenceStatus = ONLINE, since_s: int = 0, text: str | None = None) -> Person:
    presence = Presence(Display(status, text), Clocks(presence_changed_at=NOW - since_s * 1000), ("web",))
    return Person(replace(ANNA, username=name, name=f"{name} of Shop"), presence)


def crowd_of(*people: Person, nodes: int = 1) -> Crowd:
    return Crowd(dict(enumerate(people)), len(people), nodes)


SOME = crowd_of(person("bert", DND, 90), person("Anna", ONLINE, 4000), person("carl", AWAY, 7))


class StandingClock(Clock):
    def now(self) -> int:
        return NOW


class Screen:
    """A table on a terminal that is in memory; `move` lets time pass."""

    def __init__(self, view: View = ALL, columns: int = 100, lines: int = 24) -> None:
        self._out = io.StringIO()
        self._now_s = 0.0
        console = Console(file=self._out, width=columns, height=lines, force_terminal=True, color_system=None)
        self._table = LiveTable(view, console, StandingClock(), lambda: self._now_s)

    def show(self, crowd: Crowd) -> list[str]:
        with self._table:
            self._table.show(crowd, ())
            return self._lines()

    def become_stale(self, crowd: Crowd, for_s: float) -> list[str]:
        with self._table:
            self._table.show(crowd, ())
            self._table.stale("The presence store does not answer right now.")
            self._now_s += for_s
            self._table.stale("Something else.")
            return self._lines()

    def _lines(self) -> list[str]:
        return [CONTROL.sub("", line).rstrip() for line in self._out.getvalue().rpartition(ERASED)[2].splitlines()]


def test_the_table_tells_counts_states_and_since_when() -> None:
    head, empty, headings, *people = Screen().show(SOME)
    assert head == "demo  ● 1 online  ◐ 1 away  ■ 1 dnd  ○ 0 invisible  of 3 users"
    assert empty == ""
    assert headings.split() == ["STATE", "USERNAME", "NAME", "SINCE", "ON", "SAYS"]
    assert [line.split() for line in people] == [
        ["●", "online", "Anna", "Anna", "of", "Shop", "1h", "web"],
        ["■", "dnd", "bert", "bert", "of", "Shop", "1m", "web"],
        ["◐", "away", "carl", "carl", "of", "Shop", "7s", "web"],
    ]


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("username", ["Anna", "bert", "carl"]),
        ("state", ["Anna", "carl", "bert"]),
        ("since", ["carl", "bert", "Anna"]),
    ],
)
def test_people_are_sorted_as_asked(sort: str, names: list[str]) -> None:
    lines = Screen(View("demo", None, sort)).show(SOME)[3:]
    assert [line.split()[2] for line in lines] == names


@pytest.mark.parametrize("columns", [20, 36, 52, 70, 90, 200])
def test_no_line_is_wider_than_the_terminal(columns: int) -> None:
    crowd = crowd_of(person("anna" * 30, text="👨‍👩‍👧 long " * 40), person("井上" * 40))
    lines = Screen(columns=columns).show(crowd)
    assert len(lines) == 5
    assert max(map(cell_len, lines)) <= columns
    assert all("online" in line or "…" in line for line in lines[3:])


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        (30, ["STATE", "USERNAME"]),
        (36, ["STATE", "USERNAME", "SINCE"]),
        (52, ["STATE", "USERNAME", "SINCE", "SAYS"]),
        (70, ["STATE", "USERNAME", "SINCE", "ON", "SAYS"]),
    ],
)
def test_a_narrow_terminal_has_fewer_columns(columns: int, shown: list[str]) -> None:
    assert Screen(columns=columns).show(SOME)[2].split() == shown


def test_of_ten_thousand_people_a_screenful_is_shown_and_the_others_counted() -> None:
    crowd = crowd_of(*(person(f"user{number:05}") for number in range(10_000)))
    lines = Screen(lines=24).show(crowd)
    assert len(lines) == 23  # one is the cursor's
    assert lines[3].split()[2] == "user00000"
    assert lines[-1] == "and 9,981 more"
    assert Screen(View("demo", 5, "username"), lines=24).show(crowd)[-1] == "and 9,995 more"


def test_nobody_is_told_in_words() -> None:
    assert Screen().show(crowd_of())[-1] == "Nobody is online."


def test_a_stale_table_says_since_when_and_why_and_keeps_its_people() -> None:
    head, *_, last = Screen().become_stale(SOME, 65)
    assert head.startswith("stale: 1m old. The presence store does not answer right now.  demo")
    assert "carl" in last


def test_a_table_without_a_server_says_so() -> None:
    assert Screen(columns=200).show(crowd_of(person("anna"), nodes=0))[0].startswith(f"stale: {NO_SERVER}  demo")


@pytest.mark.parametrize(("seconds", "told"), [(-5, "0s"), (59, "59s"), (60, "1m"), (7199, "1h"), (90_000, "1d")])
def test_a_time_is_told_in_its_largest_unit(seconds: float, told: str) -> None:
    assert span(seconds) == told


HOSTILE = [
    "\x1b[31mred",
    "\x9b2J",
    "\u202eturned",
    "\u2066isolated",
    "\u200fmark",
    "two\nlines",
    "\x07bell",
    "[red]x[/]",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_people_say_and_are_called_steers_no_terminal(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    crowd = crowd_of(person(text, text=text))
    lines = Screen(columns=200).show(crowd)
    Once(ALL, as_json=False).begin(crowd)
    Lines(ALL, as_json=False).show(crowd, list(crowd.people))
    told = capsys.readouterr().out
    assert len(lines) == 4
    assert len(told.splitlines()) == 4
    for shown in ("".join(lines), told.replace("\n", "")):
        assert shown.isprintable()
        assert plain(text) in shown


def test_emoji_and_scripts_that_need_joiners_are_left_whole() -> None:
    for text in ("👨‍👩‍👧", "می‌خواهم", "❤️", "שלום"):
        assert plain(text) == text


def test_after_a_time_of_silence_everybody_is_told_anew(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines(ALL, as_json=True)
    lines.begin(SOME)
    lines.stale("The presence store does not answer right now.")
    lines.stale("The presence store does not answer right now.")
    lines.begin(SOME)
    lines.stale("The database does not answer right now.")
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in told] == ["snapshot", "stale", "snapshot", "stale"]
    assert told[2]["counts"] == {"online": 1, "away": 1, "dnd": 1, "invisible": 0, "total": 3}
