"""chatsrv copy-database: from SQLite to PostgreSQL."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from chatsrv.cli.output import progress, show
from chatsrv.cli.running import Menu, MenuCommand, pass_menu


@click.command("copy-database", cls=MenuCommand, short_help="Fill an empty PostgreSQL with all that an SQLite holds.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@pass_menu
def copy_database(menu: Menu, file: Path) -> None:
    """Fill the empty PostgreSQL database of DATABASE_URL with all that FILE holds, an SQLite database of chatsrv.

    Apps, keys, secrets, people, passwords, channels, teams, audit: every row of every table, with its id. All of it is
    copied, or nothing. Stop every server on FILE first: one that is in use is refused. The copy of chatsrv backup does
    as well. FILE stays as it is.

    \b
    Examples:
      export DATABASE_URL=postgres://user:password@host/name
      chatsrv migrate
      chatsrv copy-database data/chatsrv.db
    """
    from chatsrv.services.copying import copy_database as copy

    counts = asyncio.run(copy(menu.load_quietly(), file, lambda total: progress("copying", total)))
    show(menu.as_json, {"rows": sum(counts.values())} | {name: count for name, count in counts.items() if count})
