"""chatsrv online: who is here, as it changes."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

import click

from chatsrv.cli.running import Menu, MenuCommand, explaining, pass_menu
from chatsrv.domain.clock import Clock

if TYPE_CHECKING:
    from chatsrv.cli.people_shown import Shown, View
    from chatsrv.settings import Settings


@click.command(cls=MenuCommand, short_help="Show who is online, live.")
@click.argument("app_id", metavar="APP")
@click.option("--once", is_flag=True, help="Print a table and end, also on a terminal.")
@click.option("--follow", is_flag=True, help="Go on where output is no terminal, too: a line for each change.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Show N people at the most.")
@click.option(
    "--sort",
    type=click.Choice(["username", "state", "since"]),
    default="username",
    show_default=True,
    help="By name, by state, or the latest change first.",
)
@pass_menu
def online(menu: Menu, app_id: str, once: bool, follow: bool, limit: int | None, sort: str) -> None:
    """Show who is online in an app: on a terminal a table that changes as they do, until Ctrl-C; else once.

    It reads the stores of the server that runs, as an operator does: also who is invisible to others. Where they do
    not answer the table says that it is stale, and mends itself.

    With --json it prints one document: the counts, and each of the people. With --follow and --json it goes on, a
    document a line: {"event": "snapshot", ...} as above, {"event": "changed", "person": {...}} for each change, and
    {"event": "stale", "reason": "..."} until the next snapshot.

    \b
    Examples:
      chatsrv online demo
      chatsrv online demo --sort since --limit 20
      chatsrv online demo --json | jq -r '.people[].username'
      chatsrv online demo --follow --json
    """
    if once and follow:
        raise click.UsageError("--once and --follow contradict each other")
    settings = menu.load_quietly()
    is_once = once or not (follow or _is_drawn(menu))
    with explaining(settings), nullcontext() if is_once else _stopped_by_hand():
        from chatsrv.cli.people_shown import Lines, Once, View

        view = View(app_id, limit, sort)
        if is_once:
            _look_on(settings, Once(view, menu.as_json))
        elif follow:
            _look_on(settings, Lines(view, menu.as_json))
        else:
            _draw(settings, view)


def _is_drawn(menu: Menu) -> bool:
    """On a terminal on which something can be drawn anew."""
    return not menu.as_json and sys.stdout.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


@contextmanager
def _stopped_by_hand() -> Iterator[None]:
    """For what goes on until somebody has seen enough: that is no failure."""
    with suppress(KeyboardInterrupt, asyncio.CancelledError):
        yield


def _draw(settings: Settings, view: View) -> None:
    from rich.console import Console

    from chatsrv.cli.people_table import LiveTable

    with LiveTable(view, Console(), Clock(), time.monotonic) as table:
        _look_on(settings, table)


def _look_on(settings: Settings, shown: Shown) -> None:
    from chatsrv.cli.looking_on import look_on

    asyncio.run(look_on(settings, shown))
