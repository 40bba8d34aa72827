"""chatsrv migrate: what a platform runs before it starts a new release."""

from __future__ import annotations

import asyncio

import click

from chatsrv.cli.output import show
from chatsrv.cli.running import Menu, MenuCommand, pass_menu


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
    from chatsrv.cli.visiting import bring_up_to_date

    revisions = asyncio.run(bring_up_to_date(menu.load_quietly(), only_check=check))
    show(menu.as_json, {"missing" if check else "applied": revisions})
    if check and revisions:
        raise click.ClickException("the database is behind: run chatsrv migrate")
