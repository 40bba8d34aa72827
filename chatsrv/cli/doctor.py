"""chatsrv doctor: one line for each check, with the mend."""

from __future__ import annotations

import asyncio
import sys

import click

from chatsrv.cli.output import show_list
from chatsrv.cli.running import Menu, MenuCommand, pass_menu


@click.command(cls=MenuCommand, short_help="Check everything, and say how to mend what fails.")
@pass_menu
def doctor(menu: Menu) -> None:
    """Check settings, data folder, port, database, migrations, Redis and clock, and say how to mend what fails.

    It may run beside a server, or before its first start. The exit status is 1 if anything fails.
    """
    from chatsrv.cli.examining import examine

    rows = asyncio.run(examine(menu))
    if menu.as_json:
        show_list(True, rows, "")
    else:
        for row in rows:
            click.echo(f"{row['state']:<4}  {row['check']:<11}  {row['found']}")
            if row["mend"]:
                click.echo(f"                   -> {row['mend']}")
    if any(row["state"] == "fail" for row in rows):
        sys.exit(1)
