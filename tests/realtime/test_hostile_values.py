"""Hostile values in every field of every event, and of what a socket connects with: an answer in our words, no error of
ours, and the socket lives on. PostgreSQL is the stricter database about what is looked up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from socketio import exceptions

from chatsrv.domain.clock import Clock
from chatsrv.domain.wire import INTERNAL
from chatsrv.realtime.commands import COMMANDS
from chatsrv.realtime.credentials import AUTH_FIELDS
from chatsrv.services import Services, open_services
from tests.api.tenancy.world import UNLIMITED
from tests.conftest import DemoApp, MakeSettings
from tests.realtime.conftest import Connect, NewClient

pytestmark = pytest.mark.parametrize("database_source", ["postgres_url"], indirect=True)

# a lone half of a surrogate pair is no JSON, and ends a socket like every other broken frame
VALUES: tuple[Any, ...] = (
    *(None, True, False, -1, 2**31, 2**53, 2**63 - 1, 2**63, 2**64, 10**400, 1e308, -0.5),
    *("", "\0", "a\0b", "\r\n", "\x1b[2J", "\u202e", "\u3164", "x" * 5000, "1e308", "9" * 30, "' OR 1=1 --"),
    *([], {}, [[]], [None], ["\0"], [2**70], [{}], ["x" * 5000], ["anna"] * 5, {"a": None}, {"__proto__": {}}),
)
FIELDS: Mapping[str, Mapping[str, Any]] = {
    "presence:subscribe": {"usernames": ["anna"]},
    "presence:unsubscribe": {"usernames": ["anna"]},
    "presence:resume": {"epoch": "x", "version": 0, "usernames": ["anna"]},
    "presence:query": {"usernames": ["anna"]},
    "presence:set": {"status": "dnd", "text": "t", "emoji": "e", "expires_at": "2999-01-01T00:00:00Z"},
    "presence:activity": {"active": True, "background": False},
    "room:enter": {"channel": 1},
    "room:leave": {"channel": 1},
    "auth:refresh": {"token": "a.b.c"},
}


@pytest.fixture
async def services(make_settings: MakeSettings, clock: Clock) -> AsyncIterator[Services]:
    """Where nobody is closed for being wrong too often."""
    many = {"bad_packets_max": 10**6, "socket_events_per_minute": 10**6, "socket_events_burst": 10**6}
    async with open_services(make_settings(**UNLIMITED, **many), clock) as opened:
        yield opened


async def test_no_value_of_any_event_is_too_hostile(connect: Connect) -> None:
    assert FIELDS.keys() == COMMANDS.keys()
    client, wrong = await connect("anna"), []
    for command, good in FIELDS.items():
        for field in (*good, "id", "user_id", "app_id", "__proto__"):
            for value in VALUES:
                ack = await client.io.call(command, {**good, field: value})
                error = ack.get("error", {"code": 0, "type": "", "message": ""})
                if error["code"] == INTERNAL[1] or not {"code", "type", "message"} <= error.keys():
                    wrong.append(f"{command} {field}={str(value)[:60]!r}: {ack}")
        for data in (*VALUES, "x", 7):
            ack = await client.io.call(command, data)
            if ack.get("error", {}).get("code") not in (40003, 42900):
                wrong.append(f"{command} with {str(data)[:60]!r}: {ack}")
    assert wrong == []
    assert await client.io.call("presence:unsubscribe", {"usernames": ["anna"]}) == {"count": 0}


async def test_nothing_that_a_socket_connects_with_is_too_hostile(
    new_client: NewClient, connect: Connect, services: Services, demo: DemoApp
) -> None:
    anna = await connect("anna")
    token, _ = await services.callers.mint_token(await services.apps.get(demo.id), "anna", 600)
    wrong, fields = [], sorted(AUTH_FIELDS - {"token"})
    for number, value in enumerate(VALUES):
        field = fields[number % len(fields)]
        client = new_client()
        try:
            await client.connect({"token": token, field: value})
        except exceptions.ConnectionError:
            if client.refusal["data"]["code"] != 40003:
                wrong.append(f"{field}={value!r}: {client.refusal}")
    for value in VALUES:
        refusal = await new_client().refused({"token": value})
        if refusal["code"] not in (1302, 40003, 1021):
            wrong.append(f"token={value!r}: {refusal}")
    assert wrong == []
    assert await anna.io.call("presence:unsubscribe", {"usernames": []}) == {"count": 0}
