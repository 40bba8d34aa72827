"""What is told of it: a line for each act, in words or in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import click
import msgspec
from rich.cells import set_cell_size

from chatsrv.cli.crowd.play import Act, Kind, Status
from chatsrv.domain.clock import Clock
from chatsrv.domain.instants import to_text

NAME_CELLS = 24
WORDS = {
    Kind.COMES: "comes",
    Kind.LEAVES: "logs out",
    Kind.DROPS: "loses the connection",
    Kind.RETURNS: "is back",
    Kind.CLEARS: "clears the status",
    Kind.RESTS: "is idle",
    Kind.STIRS: "is active again",
}
SERVER = {
    "away": "the server does not answer: nobody is here, and all of them try to come back",
    "back": "the server is back, and so are they",
}
STATUS_WORDS = {"online": "is online", "away": "is away", "dnd": "does not want to be disturbed"}


@dataclass(frozen=True, slots=True)
class Teller:
    """`names`: what people call whom, by username."""

    names: Mapping[str, str]
    as_json: bool
    clock: Clock = field(default_factory=Clock)

    def __call__(self, event: str, act: Act | None, here: int) -> None:
        if self.as_json:
            self.note(event, **(_facts(act) if act else {}), here=here)
        elif act is None:
            click.echo(f"{_time()}  {SERVER[event]}")
        else:
            name = set_cell_size(self.names.get(act.username, act.username), NAME_CELLS)
            click.echo(f"{_time()}  {here:4} here  {name} {_words(act)}")

    def note(self, event: str, **facts: Any) -> None:
        """A line for machines."""
        click.echo(msgspec.json.encode({"at": to_text(self.clock.now()), "event": event, **facts}).decode())


def _facts(act: Act) -> dict[str, Any]:
    facts: dict[str, Any] = {"username": act.username}
    if act.devices:
        facts["devices"] = act.devices
    if act.said:
        facts |= {"status": act.said.status, "text": act.said.text, "emoji": act.said.emoji}
    return facts


def _words(act: Act) -> str:
    if act.said:
        return _say(act.said)
    where = f", on {' and '.join(act.devices)}" if act.devices else ""
    return f"{WORDS[act.kind]}{where}"


def _say(said: Status) -> str:
    if said.status == "invisible":
        return "becomes invisible"
    return f"{STATUS_WORDS[said.status]}: {said.emoji} {said.text}"


def _time() -> str:
    return datetime.now().astimezone().strftime("%H:%M:%S")
