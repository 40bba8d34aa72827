"""No text that is written has any length: each place of each body has a limit, in every dialect."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from chatsrv.domain import channels, user_fields
from tests.api.limited import World, running_world
from tests.api.manners import MANNERS, Manner

NATIVE, PANEL, OKSKY, PULSE = MANNERS
LONG = "x" * 3500
"""Longer than any single text may be, and short enough for a body."""

world = pytest.fixture(scope="module")(running_world)


def resource(type_: str, **attributes: Any) -> Any:
    return {"data": {"type": type_, "attributes": attributes}}


def of_pulse(type_: str, *names: str) -> list[Any]:
    return [resource(type_, **{"name": "x", **dict.fromkeys(names, LONG)})]


BODIES: tuple[tuple[Manner, str, str, list[Any]], ...] = (
    (NATIVE, "POST", "/v1/demo/users", [{"username": "long", name: LONG} for name in user_fields.RULES]),
    (NATIVE, "PATCH", "/v1/demo/users/ben", [{name: LONG} for name in user_fields.RULES]),
    (NATIVE, "PUT", "/v1/demo/users/ben/presence", [{"status": 1, name: LONG} for name in ("text", "emoji", "source")]),
    (NATIVE, "POST", "/v1/demo/users/ben/rename", [{"username": LONG}]),
    (
        NATIVE,
        "POST",
        "/v1/demo/channels",
        [{"subject": "s", "type": 0, name: LONG} for name in (*channels.RULES, "owner")],
    ),
    (NATIVE, "POST", "/v1/demo/users/ben/memos", [{"author": LONG, "text": "x"}, {"author": "anna", "text": LONG}]),
    (NATIVE, "PUT", "/v1/demo/users/ben/drafts/1", [{"text": LONG}]),
    (NATIVE, "PUT", "/v1/demo/users/ben/infos/x", [{"value": LONG}]),
    (NATIVE, "PUT", "/v1/demo/users/ben/widget_settings/x", [{"value": LONG}]),
    (NATIVE, "PUT", f"/v1/demo/users/ben/infos/{LONG[:1500]}", [{"value": "x"}]),
    (NATIVE, "POST", "/v1/demo/supports", [{"username": LONG}, {"username": "ben", "status": LONG}, {"agent": LONG}]),
    (NATIVE, "POST", "/v1/demo/servers", [{"name": LONG, "owner": "ben"}, {"name": "x", "owner": LONG}]),
    (
        PANEL,
        "POST",
        "/api/application/users",
        [
            {**PANEL.new_user("long"), name: LONG}
            for name in ("username", "email", "first_name", "last_name", "external_id", "language", "password")
        ],
    ),
    (PANEL, "POST", "/api/application/servers", [{"name": LONG, "user": 1}]),
    (
        OKSKY,
        "POST",
        "/rapi/v1/users",
        [
            resource("users", **{"username": "long", name: LONG})
            for name in ("username", "email", "full_name", "name", "avatar_url", "external_id", "locale", "timezone")
        ],
    ),
    (OKSKY, "POST", "/rapi/v1/rooms", [resource("rooms", name=LONG, kind="x"), resource("rooms", name="x", kind=LONG)]),
    (
        PULSE,
        "POST",
        "/api/v1/users",
        [*of_pulse("users", "name"), *of_pulse("users", "email"), *of_pulse("users", "password")],
    ),
    (PULSE, "POST", "/api/v1/teams", of_pulse("teams", "name")),
)


@pytest.mark.parametrize(
    ("manner", "method", "path", "bodies"), BODIES, ids=[f"{method} {path[:40]}" for _, method, path, _ in BODIES]
)
async def test_a_text_that_is_too_long_is_refused_in_every_place(
    world: World, manner: Manner, method: str, path: str, bodies: list[Any]
) -> None:
    for body in bodies:
        client = world.speaking(None, "198.18.1.1", **manner.key(world.key), **{"Content-Type": manner.media_type})
        answer = await client.request(method, path, data=msgspec.json.encode(body))
        assert 400 <= answer.status < 500, body.keys()
        assert answer.status not in (401, 403, 405, 415, 429), answer.body
        assert manner.is_error(answer)
        assert len(answer.body) < 2500, "it is not echoed in full"
