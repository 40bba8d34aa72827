"""The server keys of an app. A key's text is shown once, to whoever makes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from chatsrv.admin.apps import NAME_MAX
from chatsrv.admin.bodies import read, render
from chatsrv.admin.visits import Visit
from chatsrv.domain.apps import ServerKey, check_network, check_scopes
from chatsrv.domain.errors import Invalid, Problem
from chatsrv.domain.fields import Refused, check_each, read_text, worded
from chatsrv.domain.instants import LATEST, from_text, to_text

NETWORKS_MAX = 100


class NewKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No scope at all is every scope, no network at all is any, and without an end it has none."""

    name: str = ""
    scopes: list[str] = []
    networks: list[str] = []
    expires_at: str | None = None
    expires_in_s: int | None = None


async def list_all(visit: Visit) -> web.Response:
    """GET: the live ones first, and of each kind the newest."""
    now = visit.services.clock.now()
    found = await visit.services.apps.list_keys(visit.app_id)
    found.sort(key=lambda key: (not key.is_live(now), -key.created_at))
    return render({"keys": [_describe(key, now) for key in found]})


async def create(visit: Visit) -> web.Response:
    """POST {name?, scopes?, networks?, expires_at? or expires_in_s?}: the key, shown this once."""
    given = await read(visit.request, NewKey, visit.services.settings.body_timeout_s)
    if given.expires_at is not None and given.expires_in_s is not None:
        raise Invalid(Problem("expires_in_s", "says the same as expires_at; give one of them"))
    checked = check_each(_asked(given), _rules(visit.services.clock.now()))
    key, text = await visit.services.apps.create_key(
        visit.app_id,
        checked["name"] or "key",
        checked["scopes"],
        checked["networks"],
        checked.get("expires_at", checked.get("expires_in_s")),
        own=visit.operator.key,
    )
    return render({"id": key.id, "key": text}, 201)


async def rotate(visit: Visit) -> web.Response:
    """POST: one like it, shown this once; the old one lives on until it is revoked."""
    key_id = visit.request.match_info["key"]
    key, text = await visit.services.apps.rotate_key(visit.app_id, key_id, own=visit.operator.key)
    return render({"id": key.id, "key": text}, 201)


async def revoke(visit: Visit) -> web.Response:
    """DELETE: it is over, and with it whatever session it opened: this one, if it was this key."""
    await visit.services.apps.revoke_key(visit.app_id, visit.request.match_info["key"])
    return web.Response(status=204)


def _asked(given: NewKey) -> dict[str, Any]:
    """What was sent of it, for what is not sent is not checked."""
    ends = {"expires_at": given.expires_at, "expires_in_s": given.expires_in_s}
    sent = {name: value for name, value in ends.items() if value is not None}
    return {"name": given.name, "scopes": given.scopes, "networks": given.networks, **sent}


def _rules(now: int) -> Callable[[str, Any], Any]:
    rules: Mapping[str, Callable[[Any], Any]] = {
        "name": lambda text: read_text(text, NAME_MAX),
        "scopes": lambda names: worded(check_scopes, names),
        "networks": _read_networks,
        "expires_at": lambda text: _in_future(from_text(text), now),
        "expires_in_s": lambda seconds: _in_future(now + seconds * 1000, now),
    }
    return lambda field, value: rules[field](value)


def _read_networks(texts: list[str]) -> tuple[str, ...]:
    if len(texts) > NETWORKS_MAX:
        raise Refused(f"may be at most {NETWORKS_MAX}")
    return tuple(worded(check_network, text) for text in texts)


def _in_future(at: int, now: int) -> int:
    if not now < at < LATEST:
        raise Refused("must lie in the future, and not beyond the year 9998")
    return at


def _describe(key: ServerKey, now: int) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "state": "revoked" if key.revoked_at else "live" if key.is_live(now) else "expired",
        "scopes": sorted(key.scopes),
        "networks": list(key.networks),
        "created_at": to_text(key.created_at),
        "expires_at": to_text(key.expires_at) if key.expires_at else None,
        "revoked_at": to_text(key.revoked_at) if key.revoked_at else None,
    }
