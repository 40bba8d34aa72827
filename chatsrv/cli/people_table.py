"""The table of `chatsrv online`, which changes while one looks at it. It is as wide as the terminal, and no higher."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from chatsrv.cli.output import plain
from chatsrv.cli.people_shown import NO_SERVER, NOBODY, View, counts, says, word
from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import Person
from chatsrv.services.onlooking import Crowd

LOOKS = {
    "online": ("●", "green"),
    "away": ("◐", "yellow"),
    "dnd": ("■", "red"),
    "invisible": ("○", "magenta"),
}
"""Beside the word, never in its place: not everybody sees colours."""

AROUND = 5
"""Lines that are no people: the head, an empty one, the headings, how many more, and the one the cursor is on."""

UNITS = ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))


@dataclass(frozen=True, slots=True)
class Column:
    """`least_width`: of a terminal on which there is room for it. `cell`: takes a person and the time in ms."""

    name: str
    least_width: int
    cell: Callable[[Person, int], Text]


def _state(person: Person, _now: int) -> Text:
    sign, style = LOOKS[word(person)]
    return Text(f"{sign} {word(person)}", style)


def _since(person: Person, now: int) -> Text:
    return Text(span((now - person.presence.clocks.presence_changed_at) / 1000), "dim")


def span(seconds: float) -> str:
    """The largest unit that fits; a clock that is ahead of ours makes no time that is yet to come."""
    unit_s, name = next((unit for unit in UNITS if seconds >= unit[0]), UNITS[-1])
    return f"{max(0, int(seconds / unit_s))}{name}"


def _cell(text: str) -> Text:
    """Never as markup: people would colour themselves."""
    return Text(plain(text))


COLUMNS = (
    Column("STATE", 0, _state),
    Column("USERNAME", 0, lambda person, _: _cell(person.user.username)),
    Column("NAME", 90, lambda person, _: _cell(person.user.display_name)),
    Column("SINCE", 36, _since),
    Column("ON", 70, lambda person, _: _cell(", ".join(person.presence.devices))),
    Column("SAYS", 52, lambda person, _: _cell(says(person))),
)


class LiveTable:
    """A context in which it is on the screen; what was there last stays there afterwards."""

    goes_on = True

    def __init__(self, view: View, console: Console, clock: Clock, now_s: Callable[[], float]) -> None:
        """`now_s`: a clock that never goes back."""
        self.view = view
        self._clock = clock
        self._now_s = now_s
        self._crowd: Crowd | None = None
        self._stale: tuple[str, float] | None = None
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    @property
    def has_begun(self) -> bool:
        return self._crowd is not None

    def begin(self, crowd: Crowd) -> None:
        self.show(crowd, ())

    def show(self, crowd: Crowd, changed: Sequence[Person]) -> None:  # noqa: ARG002 - all is drawn anew
        self._crowd, self._stale = crowd, None
        self._draw(crowd)

    def stale(self, reason: str) -> None:
        self._stale = self._stale or (reason, self._now_s())
        self._live.start()
        self._live.update(self._render(self._crowd) if self._crowd else Text(plain(reason), "bold red"), refresh=True)

    def _draw(self, crowd: Crowd) -> None:
        self._live.start()  # the first time: whoever is told of an error meanwhile keeps their cursor
        self._live.update(self._render(crowd), refresh=True)

    def _render(self, crowd: Crowd) -> RenderableType:
        people = self.view.sorted(crowd.people)
        room = max(1, self._console.height - AROUND)
        shown = people[: min(room, self.view.limit or room)]
        parts: list[RenderableType] = [self._head(crowd), Text()]
        parts.append(self._table(shown) if shown else Text(NOBODY, style="dim"))
        if len(shown) < len(people):
            parts.append(Text(f"and {len(people) - len(shown):,} more", style="dim"))
        return Group(*parts)

    def _head(self, crowd: Crowd) -> Text:
        head = Text(no_wrap=True, overflow="ellipsis")
        if trouble := self._trouble(crowd):
            head.append(f"stale: {plain(trouble)}  ", "bold red")
        head.append(self.view.app_id, "bold")
        for name, count in counts(crowd):
            sign, style = LOOKS[name]
            head.append("  ").append(f"{sign} {count:,} {name}", style if count else "dim")
        return head.append(f"  of {crowd.total:,} users", "dim")

    def _trouble(self, crowd: Crowd) -> str:
        if self._stale:
            reason, since = self._stale
            return f"{span(self._now_s() - since)} old. {reason}"
        return "" if crowd.nodes else NO_SERVER

    def _table(self, people: Sequence[Person]) -> Table:
        columns = [column for column in COLUMNS if self._console.width >= column.least_width]
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
        for column in columns:
            is_short = column.name in ("STATE", "SINCE")
            table.add_column(column.name, no_wrap=True, overflow="ellipsis", min_width=5 if is_short else 3)
        now = self._clock.now()
        for person in people:
            table.add_row(*(column.cell(person, now) for column in columns))
        return table
