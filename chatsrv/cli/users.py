"""chatsrv user ...: import and export."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from chatsrv.cli.output import count_lines, is_watched, plain, progress, show
from chatsrv.cli.running import Menu, MenuGroup, pass_menu
from chatsrv.cli.writing import is_stdout, opened
from chatsrv.domain.wire import describe

if TYPE_CHECKING:
    from chatsrv.services import Services
    from chatsrv.services.transfer import ImportReport

PIECE_BYTES = 1 << 18
SHOWN_FAILURES = 20


@click.group(cls=MenuGroup)
def user() -> None:
    """Import and export the users of an app."""


@user.command("import", short_help="Take users in from NDJSON; who exists is updated.")
@click.argument("app_id", metavar="APP")
@click.argument("file", type=click.File("rb"))
@pass_menu
def import_(menu: Menu, app_id: str, file: BinaryIO) -> None:
    """Take users in from FILE, NDJSON: one JSON object a line. A - reads standard input.

    Only username is needed; who exists is updated. A line that cannot be taken is reported and spoils no other, and
    the exit status is 1. To run it again does no harm.

    \b
    Examples:
      chatsrv user import demo people.ndjson
      echo '{"username": "anna", "first_name": "Anna"}' | chatsrv user import demo -
      chatsrv user export demo | chatsrv user import copy -
    """
    total = count_lines(file) if is_watched() else None

    async def take(services: Services) -> ImportReport:
        from chatsrv.services.transfer import split_lines

        await services.apps.get(app_id)
        lines = split_lines(_pieces(file), services.settings.import_line_max_bytes)
        with progress("importing", total) as advance:
            return await services.transfer.import_lines(app_id, lines, advance)

    report = menu.run(take, with_presence=True)
    _show_report(menu, report)
    if report.stopped:
        raise click.ClickException(f"stopped, as {len(report.failed)} lines failed: mend the file and run it again")
    if report.failed:
        sys.exit(1)


def _show_report(menu: Menu, report: ImportReport) -> None:
    counts = {"created": report.created, "updated": report.updated}
    if menu.as_json:
        failed = [{"line": one.line, "error": describe(one.error)} for one in report.failed]
        show(True, counts | {"failed": failed})
        return
    for one in report.failed[:SHOWN_FAILURES]:
        click.echo(f"chatsrv: line {one.line}: {plain(str(one.error))}", err=True)
    if len(report.failed) > SHOWN_FAILURES:
        click.echo(f"chatsrv: and {len(report.failed) - SHOWN_FAILURES} more; --json tells all", err=True)
    show(False, counts | {"failed": len(report.failed)})


@user.command("export", short_help="Write all users as NDJSON.")
@click.argument("app_id", metavar="APP")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), default="-")
@pass_menu
def export(menu: Menu, app_id: str, file: Path) -> None:
    """Write all users as NDJSON, one JSON object a line, to FILE or standard output; import takes it as it is.

    FILE appears when all is written, and not before.

    \b
    Examples:
      chatsrv user export demo people.ndjson
      chatsrv user export demo | gzip > people.ndjson.gz
    """

    async def give(services: Services) -> int:
        await services.apps.get(app_id)
        done, total = 0, await services.users.count(app_id)
        with opened(file) as out, progress("exporting", total) as advance:
            async for lines in services.transfer.export_lines(app_id):
                out.write(lines)
                done += lines.count(b"\n")
                advance(done)
        return done

    done = menu.run(give, with_presence=True)
    if not is_stdout(file):
        show(menu.as_json, {"exported": done, "file": str(file)})


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    while piece := file.read(PIECE_BYTES):
        yield piece
