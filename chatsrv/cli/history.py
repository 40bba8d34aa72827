"""chatsrv presence-export: who was here from when to when, as a table for others to reckon with."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chatsrv.cli.durations import read_past
from chatsrv.cli.output import progress, show
from chatsrv.cli.running import Menu, MenuCommand, pass_menu
from chatsrv.cli.writing import is_stdout, opened
from chatsrv.domain.instants import to_text

if TYPE_CHECKING:
    from chatsrv.domain.history import Interval
    from chatsrv.services import Services

COLUMNS = ("username", "from", "to", "seconds", "presence_status")


@click.command("presence-export", cls=MenuCommand, short_help="Write who was here from when to when, as CSV.")
@click.argument("app_id", metavar="APP")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), default="-")
@click.option("--from", "since", metavar="WHEN", help="Nothing that ended before 12h or 30d ago, or before a date.")
@click.option("--to", "until", metavar="WHEN", help="Nothing that began later than that; now, unless told.")
@pass_menu
def presence_export(menu: Menu, app_id: str, file: Path, since: str | None, until: str | None) -> None:
    """Write when each user was here, one line of CSV for each state that they showed, to FILE or standard output.

    The columns are username, from, to, seconds and presence_status (1 online, 2 invisible, 3 away, 4 do not disturb).
    An interval that touches the time asked for is told whole; of one that still goes on, to is empty, and the seconds
    are those up to now. FILE appears when all is written, and not before.

    \b
    Examples:
      chatsrv presence-export demo > presence.csv
      chatsrv presence-export demo march.csv --from 2027-03-01 --to 2027-04-01
      chatsrv presence-export demo --from 24h | sort -t, -k4 -n -r | head
    """

    async def give(services: Services) -> int:
        app, now = await services.apps.get(app_id), services.clock.now()
        from_at = read_past(since, now, "--from")
        to_at = read_past(until, now, "--to") if until is not None else now
        done = 0
        with opened(file) as out, progress("exporting", None) as advance:
            out.write(_written([COLUMNS]))
            async for intervals in services.history.export(app, from_at, to_at):
                out.write(_written(_row(username, interval, now) for username, interval in intervals))
                done += len(intervals)
                advance(done)
        return done

    done = menu.run(give)
    if not is_stdout(file):
        show(menu.as_json, {"exported": done, "file": str(file)})


def _row(username: str, interval: Interval, now: int) -> tuple[str, ...]:
    to_at = now if interval.to_at is None else interval.to_at
    ended = "" if interval.to_at is None else to_text(to_at)
    seconds = f"{max(to_at - interval.from_at, 0) / 1000:.3f}"
    return username, to_text(interval.from_at), ended, seconds, str(int(interval.status))


def _written(rows: Iterable[Sequence[str]]) -> bytes:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
