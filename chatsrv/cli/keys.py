"""chatsrv key ...: the server keys of an app; and chatsrv token, for one of its users."""

from __future__ import annotations

import re
from typing import Any

import click

from chatsrv.cli.output import show, show_list
from chatsrv.cli.running import Menu, pass_menu
from chatsrv.domain.apps import ServerKey, check_scopes
from chatsrv.domain.clock import Clock
from chatsrv.domain.instants import from_text, to_text
from chatsrv.services import Services

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
ONCE = "Keep it now: it is stored as a hash and cannot be shown again."


def read_duration(text: str) -> int:
    """`90s`, `15m`, `1h`, `30d`, or bare seconds, as seconds; raises a usage error."""
    match = re.fullmatch(r"(\d{1,9})([smhd]?)", text)
    if not match or not int(match[1]):
        raise click.UsageError(f"{text!r} is no duration; write it as 90s, 15m, 1h or 30d")
    return int(match[1]) * UNITS[match[2] or "s"]


def read_expiry(text: str | None, now: int) -> int | None:
    """A duration from now, or a date; in ms."""
    if text is None:
        return None
    try:
        expires_at = from_text(text) if "-" in text else now + read_duration(text) * 1000
    except ValueError as error:
        raise click.UsageError(f"--expires {text!r} {error}") from error
    if expires_at <= now:
        raise click.UsageError(f"--expires {text!r} is in the past")
    return expires_at


@click.group()
def key() -> None:
    """Make, list, rotate and revoke the server keys of an app."""


@key.command()
@click.argument("app_id", metavar="APP")
@click.option("--name", default="key", help="What it is for.")
@click.option("--scope", "scopes", multiple=True, help="What it may do; all if not given.")
@click.option("--network", "networks", multiple=True, help="Where it may be used from, such as 10.0.0.0/8.")
@click.option("--expires", help="30d, or a date.")
@pass_menu
def create(
    menu: Menu, app_id: str, name: str, scopes: tuple[str, ...], networks: tuple[str, ...], expires: str | None
) -> None:
    """Make a key; it is shown this once."""
    expires_at = read_expiry(expires, Clock().now())
    checked = check_scopes(list(scopes))
    made, text = menu.run(lambda services: services.apps.create_key(app_id, name, checked, networks, expires_at))
    show(menu.as_json, {"id": made.id, "key": text}, ONCE)


@key.command("list")
@click.argument("app_id", metavar="APP")
@pass_menu
def list_(menu: Menu, app_id: str) -> None:
    """The keys of an app, those that are over too."""
    found = menu.run(lambda services: services.apps.list_keys(app_id))
    now = Clock().now()
    show_list(menu.as_json, [_describe(one, now) for one in found], f"The app {app_id} has no key.")


@key.command()
@click.argument("app_id", metavar="APP")
@click.argument("key_id", metavar="ID")
@pass_menu
def revoke(menu: Menu, app_id: str, key_id: str) -> None:
    """End a key; every node knows within a second."""
    menu.run(lambda services: services.apps.revoke_key(app_id, key_id))
    show(menu.as_json, {"revoked": key_id})


@key.command()
@click.argument("app_id", metavar="APP")
@click.argument("key_id", metavar="ID")
@pass_menu
def rotate(menu: Menu, app_id: str, key_id: str) -> None:
    """Make a key like the one given, which lives on until you revoke it."""
    made, text = menu.run(lambda services: services.apps.rotate_key(app_id, key_id))
    show(menu.as_json, {"id": made.id, "key": text}, f"{ONCE} Then: chatsrv key revoke {app_id} {key_id}")


@click.command()
@click.argument("app_id", metavar="APP")
@click.argument("username")
@click.option("--ttl", default="1h", show_default=True, help="How long it is good for.")
@pass_menu
def token(menu: Menu, app_id: str, username: str, ttl: str) -> None:
    """A token with which a client speaks as this user."""
    ttl_s = read_duration(ttl)

    async def mint(services: Services) -> dict[str, Any]:
        most = services.settings.token_ttl_max_s
        if ttl_s > most:
            raise click.UsageError(f"--ttl is at most {most} s (the setting token_ttl_max_s)")
        text, expires_at = await services.callers.mint_token(await services.apps.get(app_id), username, ttl_s)
        return {"token": text, "expires_at": to_text(expires_at)}

    show(menu.as_json, menu.run(mint))


def _describe(one: ServerKey, now: int) -> dict[str, Any]:
    state = "revoked" if one.revoked_at else "live" if one.is_live(now) else "expired"
    return {
        "id": one.id,
        "name": one.name,
        "state": state,
        "scopes": " ".join(sorted(one.scopes)),
        "networks": " ".join(one.networks),
        "created_at": to_text(one.created_at),
        "expires_at": to_text(one.expires_at) if one.expires_at else None,
    }
