"""chatsrv key ...: the server keys of an app; and chatsrv token, for one of its users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from chatsrv.cli.durations import read_duration, read_expiry
from chatsrv.cli.output import show, show_list
from chatsrv.cli.running import Menu, MenuCommand, MenuGroup, pass_menu
from chatsrv.domain.apps import ALL_SCOPES, Scope, ServerKey
from chatsrv.domain.clock import Clock
from chatsrv.domain.instants import to_text

if TYPE_CHECKING:
    from chatsrv.services import Services

ONCE = "Keep it now: it is stored as a hash and cannot be shown again."
CREATE_HELP = f"""Make a server key for the backend of an app. It is shown this once.

A scope is one of {", ".join(Scope)}; --scope and --network may be given several times.

\b
Examples:
  chatsrv key create demo
  chatsrv key create demo --name reports --scope users:read --scope presence:read
  chatsrv key create demo --network 10.0.0.0/8 --expires 30d
  KEY=$(chatsrv key create demo --json | jq -r .key)
"""


@click.group(cls=MenuGroup)
def key() -> None:
    """Make, list, rotate and revoke the server keys of an app."""


@key.command(help=CREATE_HELP, short_help="Make a key; it is shown this once.")
@click.argument("app_id", metavar="APP")
@click.option("--name", default="key", show_default=True, help="What it is for.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([scope.value for scope in Scope]),
    metavar="SCOPE",
    help="What it may do; all if not given.",
)
@click.option(
    "--network", "networks", multiple=True, metavar="CIDR", help="Where it may be used from; anywhere if not given."
)
@click.option("--expires", metavar="WHEN", help="30d, 12h or a date (2027-01-31); never if not given.")
@pass_menu
def create(
    menu: Menu, app_id: str, name: str, scopes: tuple[str, ...], networks: tuple[str, ...], expires: str | None
) -> None:
    expires_at = read_expiry(expires, Clock().now())
    given = frozenset(map(Scope, scopes)) or ALL_SCOPES
    made, text = menu.run(lambda services: services.apps.create_key(app_id, name, given, networks, expires_at))
    show(menu.as_json, {"id": made.id, "key": text}, ONCE)


@key.command("list", short_help="List the keys of an app, also those that are over.")
@click.argument("app_id", metavar="APP")
@pass_menu
def list_(menu: Menu, app_id: str) -> None:
    """List the keys of an app, also those that are over.

    \b
    Examples:
      chatsrv key list shop
      chatsrv key list shop --json | jq '.[] | select(.state == "live")'
    """
    found = menu.run(lambda services: services.apps.list_keys(app_id))
    rows = [_describe(one, Clock().now()) for one in found]
    if not menu.as_json:
        rows = [row | {"scopes": "all"} if len(row["scopes"]) == len(ALL_SCOPES) else row for row in rows]
    show_list(menu.as_json, rows, f"The app {app_id} has no key. Make one: chatsrv key create {app_id}")


@key.command()
@click.argument("app_id", metavar="APP")
@click.argument("key_id", metavar="ID")
@pass_menu
def revoke(menu: Menu, app_id: str, key_id: str) -> None:
    """End a key for good; every node knows within a second.

    ID is the key's id, which `chatsrv key list APP` tells.

    \b
    Examples:
      chatsrv key revoke shop 115e85edef12
    """
    menu.run(lambda services: services.apps.revoke_key(app_id, key_id), look_in=f"key list {app_id}")
    show(menu.as_json, {"revoked": key_id})


@key.command()
@click.argument("app_id", metavar="APP")
@click.argument("key_id", metavar="ID")
@pass_menu
def rotate(menu: Menu, app_id: str, key_id: str) -> None:
    """Make a key like another, which lives on until you revoke it.

    ID is the old key's id, which `chatsrv key list APP` tells. Give the new key to your backend, then revoke the old
    one: chatsrv key revoke APP ID

    \b
    Examples:
      chatsrv key rotate shop 115e85edef12
    """
    made, text = menu.run(lambda services: services.apps.rotate_key(app_id, key_id), look_in=f"key list {app_id}")
    note = f"{ONCE}\nWhen your backend uses it: chatsrv key revoke {app_id} {key_id}"
    show(menu.as_json, {"id": made.id, "key": text}, note)


@click.command(cls=MenuCommand, short_help="Make a token with which a client speaks as a user.")
@click.argument("app_id", metavar="APP")
@click.argument("username")
@click.option("--ttl", default="1h", show_default=True, help="How long it is good for: 90s, 15m, 1h, 30d.")
@pass_menu
def token(menu: Menu, app_id: str, username: str, ttl: str) -> None:
    """Make a token with which a client speaks as this user, over REST and sockets.

    \b
    Examples:
      chatsrv token demo anna
      chatsrv token demo anna --ttl 30d --json
    """
    ttl_s = read_duration(ttl)

    async def mint(services: Services) -> dict[str, Any]:
        most = services.settings.token_ttl_max_s
        if ttl_s > most:
            raise click.UsageError(f"--ttl is at most {most} s, as the setting token_ttl_max_s says")
        text, expires_at = await services.callers.mint_token(await services.apps.get(app_id), username, ttl_s)
        return {"token": text, "expires_at": to_text(expires_at)}

    show(menu.as_json, menu.run(mint))


def _describe(one: ServerKey, now: int) -> dict[str, Any]:
    state = "revoked" if one.revoked_at else "live" if one.is_live(now) else "expired"
    return {
        "id": one.id,
        "name": one.name,
        "state": state,
        "created_at": to_text(one.created_at),
        "expires_at": to_text(one.expires_at) if one.expires_at else None,
        "networks": list(one.networks),
        "scopes": sorted(one.scopes),
    }
