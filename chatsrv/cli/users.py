"""chatsrv user ...: import and export."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from chatsrv.cli.output import count_lines, progress, show
from chatsrv.cli.running import Menu, pass_menu
from chatsrv.services import Services
from chatsrv.services.transfer import ImportReport, split_lines

PIECE_BYTES = 1 << 18


@click.group()
def user() -> None:
    """Import and export the users of an app."""


@user.command("import")
@click.argument("app_id", metavar="APP")
@click.argument("file", type=click.File("rb"))
@pass_menu
def import_(menu: Menu, app_id: str, file: BinaryIO) -> None:
    """Take users in from NDJSON, one a line; - reads standard input. Who exists is updated."""
    total = count_lines(file)

    async def take(services: Services) -> ImportReport:
        await services.apps.get(app_id)
        lines = split_lines(_pieces(file), services.settings.import_line_max_bytes)
        with progress("importing", total) as advance:
            return await services.transfer.import_lines(app_id, lines, advance)

    report = menu.run(take)
    for failure in report.failed[:20]:
        click.echo(f"chatsrv: line {failure.line}: {failure.error}", err=True)
    show(menu.as_json, {"created": report.created, "updated": report.updated, "failed": len(report.failed)})
    if report.stopped:
        raise click.ClickException("too many lines failed, the rest was not tried; mend the file and run it again")
    if report.failed:
        sys.exit(1)


@user.command("export")
@click.argument("app_id", metavar="APP")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@pass_menu
def export(menu: Menu, app_id: str, file: Path | None) -> None:
    """Write all users as NDJSON, one a line, to FILE or standard output; import takes it as it is."""

    async def give(services: Services) -> int:
        await services.apps.get(app_id)
        done, total = 0, await services.users.count(app_id)
        with _opened(file) as out, progress("exporting", total) as advance:
            async for lines in services.transfer.export_lines(app_id):
                out.write(lines)
                done += lines.count(b"\n")
                advance(done)
        return done

    done = menu.run(give)
    if file:
        show(menu.as_json, {"exported": done, "file": str(file)})


@contextmanager
def _opened(file: Path | None) -> Iterator[BinaryIO]:
    """A file is put in its place when it is whole; standard output gets what there is."""
    if file is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = file.with_name(file.name + ".part")
    with part.open("wb") as out:
        yield out
    part.replace(file)


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    while piece := file.read(PIECE_BYTES):
        yield piece
