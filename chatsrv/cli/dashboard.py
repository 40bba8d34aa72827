"""chatsrv dashboard: a link with which one signs in."""

from __future__ import annotations

import asyncio

import click

from chatsrv.cli.locating import locate
from chatsrv.cli.output import show
from chatsrv.cli.running import Menu, MenuCommand, pass_menu
from chatsrv.domain.admin import link_to
from chatsrv.domain.instants import to_text


@click.command(cls=MenuCommand, short_help="Make a one-time link to the dashboard.")
@click.option(
    "--url", help="Where people reach the server, such as https://chat.example; as this machine does, if not given."
)
@pass_menu
def dashboard(menu: Menu, url: str | None) -> None:
    """Make a link with which you sign in to the dashboard: once, and soon. A server that runs knows it at once.

    The setting admin_link_ttl_s says how long the link is good, admin_session_ttl_s how long the sign-in.

    \b
    Examples:
      chatsrv dashboard
      chatsrv dashboard --url https://chat.example
    """
    if url is not None and not url.startswith(("http://", "https://")):
        raise click.UsageError(f"--url {url!r} must begin with http:// or https://")
    settings = menu.load_quietly()
    token, expires_at = menu.run(lambda services: services.admin.make_link())
    link = link_to(url or asyncio.run(locate(settings)), token)
    show(menu.as_json, {"url": link, "expires_at": to_text(expires_at)}, "Open it in a browser; it works once.")
