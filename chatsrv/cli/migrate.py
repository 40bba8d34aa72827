"""chatsrv migrate: what a platform runs before it starts a new release."""

from __future__ import annotations

import asyncio

import click

from chatsrv.cli.output import show
from chatsrv.cli.running import Menu, MenuCommand, pass_menu
from chatsrv.services import open_services
from chatsrv.services.migrations import find_missing
from chatsrv.services.migrations import migrate as run_migrations


@click.command(cls=MenuCommand, short_help="Bring the database up to date.")
@click.option("--check", is_flag=True, help="Change nothing, only tell what is missing; status 1 if anything is.")
@pass_menu
def migrate(menu: Menu, check: bool) -> None:
    """Bring the database up to date. It does no harm to run it again, or twice at once.

    `chatsrv serve` does it by itself for SQLite, and refuses to start on another database that is behind.

    \b
    Examples:
      chatsrv migrate
      DATABASE_URL=postgres://user:password@host/name chatsrv migrate
      chatsrv migrate --check
    """
    settings = menu.load_quietly()

    async def main() -> list[str]:
        async with open_services(settings, as_guest=True, with_presence=False) as services:
            return await (find_missing(services.db) if check else run_migrations(services.db))

    revisions = asyncio.run(main())
    show(menu.as_json, {"missing" if check else "applied": revisions})
    if check and revisions:
        raise click.ClickException("the database is behind: run chatsrv migrate")
