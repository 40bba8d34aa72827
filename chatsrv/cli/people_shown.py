"""What `chatsrv online` prints where no table is drawn: everybody once, or a line for each change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import click
import msgspec

from chatsrv.cli.output import plain, show_list
from chatsrv.domain.instants import to_text_or_none
from chatsrv.domain.presence import Person, PresenceStatus
from chatsrv.domain.users import fold_case
from chatsrv.domain.wire import render_presence
from chatsrv.services.onlooking import Crowd

HERE = (PresenceStatus.ONLINE, PresenceStatus.AWAY, PresenceStatus.DND, PresenceStatus.INVISIBLE)
"""In the order in which they are told."""

NOBODY = "Nobody is online."
NO_SERVER = "no server runs: these are those who were here last"


@dataclass(frozen=True, slots=True)
class View:
    """Of whom, how many at the most (None: all), and by what they are sorted."""

    app_id: str
    limit: int | None
    sort: str

    def sorted(self, people: Iterable[Person]) -> list[Person]:
        return sorted(people, key=lambda person: (self._rank(person), fold_case(person.user.username)))

    def _rank(self, person: Person) -> int:
        if self.sort == "state":
            return HERE.index(person.presence.status)
        return -person.presence.clocks.presence_changed_at if self.sort == "since" else 0


class Shown(Protocol):
    """`goes_on`: it wants to hear of changes. `stale`: what was shown may be old, for this reason."""

    @property
    def view(self) -> View: ...

    @property
    def goes_on(self) -> bool: ...

    @property
    def has_begun(self) -> bool: ...

    def begin(self, crowd: Crowd) -> None: ...

    def show(self, crowd: Crowd, changed: Sequence[Person]) -> None: ...

    def stale(self, reason: str) -> None: ...


class Once:
    goes_on = has_begun = False

    def __init__(self, view: View, as_json: bool) -> None:
        self.view = view
        self._as_json = as_json

    def begin(self, crowd: Crowd) -> None:
        print_all(self.view, crowd, self._as_json)

    def show(self, crowd: Crowd, changed: Sequence[Person]) -> None:
        """Nothing more is said."""

    def stale(self, reason: str) -> None:
        """There is nobody who could be old."""


class Lines:
    """Everybody, and then a line for each change."""

    goes_on = True

    def __init__(self, view: View, as_json: bool) -> None:
        self.view = view
        self._as_json = as_json
        self.has_begun = False
        self._is_stale = False

    def begin(self, crowd: Crowd) -> None:
        self.has_begun, self._is_stale = True, False
        if self._as_json:
            _print({"event": "snapshot", **describe(self.view, crowd)})
        else:
            print_all(self.view, crowd, False)

    def show(self, crowd: Crowd, changed: Sequence[Person]) -> None:  # noqa: ARG002 - they are told alone
        for person in changed:
            if self._as_json:
                _print({"event": "changed", "person": _describe(person)})
            else:
                words = (_row(person)["since"], person.user.username, word(person), says(person))
                click.echo("  ".join(plain(one) for one in words if one))

    def stale(self, reason: str) -> None:
        if self._is_stale:
            return
        self._is_stale = True
        if self._as_json:
            _print({"event": "stale", "reason": reason})
        else:
            click.echo(f"chatsrv: stale: {plain(reason)}", err=True)


def print_all(view: View, crowd: Crowd, as_json: bool) -> None:
    if as_json:
        _print(describe(view, crowd))
        return
    people = view.sorted(crowd.people)
    shown = people[: view.limit]
    show_list(False, [_row(person) for person in shown], NOBODY)
    if len(shown) < len(people):
        click.echo(f"and {len(people) - len(shown):,} more")
    if people:
        told = ", ".join(f"{count:,} {state}" for state, count in counts(crowd) if count)
        click.echo(f"{told}; of {crowd.total:,} users")
    if not crowd.nodes:
        click.echo(f"chatsrv: {NO_SERVER}", err=True)


def describe(view: View, crowd: Crowd) -> dict[str, Any]:
    people = view.sorted(crowd.people)
    return {
        "app": view.app_id,
        "counts": dict(counts(crowd)) | {"total": crowd.total},
        "stale": not crowd.nodes,
        "people": [_describe(person) for person in people[: view.limit]],
    }


def counts(crowd: Crowd) -> list[tuple[str, int]]:
    found = crowd.count()
    return [(status.name.lower(), found[status]) for status in HERE]


def word(person: Person) -> str:
    return person.presence.status.name.lower()


def says(person: Person) -> str:
    shown = person.presence.display
    return " ".join(part for part in (shown.emoji, shown.text) if part)


def _describe(person: Person) -> dict[str, Any]:
    return render_presence(person) | {"name": person.user.display_name}


def _row(person: Person) -> Mapping[str, str | None]:
    return {
        "username": person.user.username,
        "state": word(person),
        "since": to_text_or_none(person.presence.clocks.presence_changed_at),
        "devices": ", ".join(person.presence.devices) or None,
        "name": person.user.display_name,
        "says": says(person) or None,
    }


def _print(value: Mapping[str, Any]) -> None:
    click.echo(msgspec.json.encode(value).decode())
