"""chatsrv backup: a copy of the embedded database, while it is in use."""

from __future__ import annotations

from pathlib import Path

import click

from chatsrv.cli.output import progress, show
from chatsrv.cli.running import Menu, MenuCommand, pass_menu


@click.command(cls=MenuCommand, short_help="Copy the embedded database to a file.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@pass_menu
def backup(menu: Menu, file: Path) -> None:
    """Copy the embedded database, with every app, key and user, to a file that is not there yet.

    It may be in use meanwhile. The file holds secrets, and is readable by you alone. To restore it, stop the server,
    delete data/chatsrv.db-wal and data/chatsrv.db-shm, put the file in the place of data/chatsrv.db, run
    chatsrv forget-presence, and start. A PostgreSQL database is backed up with pg_dump.

    \b
    Examples:
      chatsrv backup chatsrv-$(date +%F).db
    """
    from chatsrv.services.backup import back_up, measure

    settings = menu.load_quietly()
    with progress("copying", measure(settings), in_bytes=True) as advance:
        size = back_up(settings, file, advance)
        advance(size)
    show(menu.as_json, {"file": str(file), "bytes": size})
