"""chatsrv access-token: for a person who uses the OkSky dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from chatsrv.cli.keys import ONCE
from chatsrv.cli.output import show
from chatsrv.cli.running import Menu, MenuCommand, pass_menu

if TYPE_CHECKING:
    from chatsrv.services import Services

NOTE = f"{ONCE}\nThe one before it is dead."


@click.command("access-token", cls=MenuCommand, short_help="Make a user's access token for the OkSky dialect.")
@click.argument("app_id", metavar="APP")
@click.argument("username")
@pass_menu
def access_token(menu: Menu, app_id: str, username: str) -> None:
    """Make the token with which this user speaks the OkSky dialect. A user has one: the old one is dead at once.

    \b
    Examples:
      chatsrv access-token demo anna
      chatsrv access-token demo anna --json
    """

    async def issue(services: Services) -> str:
        return await services.access_tokens.issue((await services.apps.get(app_id)).id, username)

    show(menu.as_json, {"access_token": menu.run(issue)}, NOTE)
