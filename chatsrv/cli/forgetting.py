"""chatsrv forget-presence: after a restore."""

from __future__ import annotations

import click

from chatsrv.cli.output import show
from chatsrv.cli.running import Menu, MenuCommand, pass_menu


@click.command("forget-presence", cls=MenuCommand, short_help="Forget who is here, after a restore.")
@pass_menu
def forget_presence(menu: Menu) -> None:
    """Delete all that Redis or the embedded Valkey keeps for this server: for a database that was restored or replaced.

    An older database gives new users ids that Redis knows as somebody else's: they would show that other one's status.
    Nothing is lost that the database has; whoever connects is here again. Stop every server first: while one
    runs it is refused, and for some seconds after the last one it waits.

    \b
    Examples:
      chatsrv forget-presence
      REDIS_URL=redis://:password@host chatsrv forget-presence
    """
    show(menu.as_json, {"keys": menu.run(lambda services: services.forgetting.forget_all(), with_presence=True)})
