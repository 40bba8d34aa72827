"""Two apps on one node: no event that a socket sends for what is the neighbour's tells of it, or changes a thing there.

Both apps lie on one shard of Redis, with one change log for both of them: the neighbour's name is chosen so.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import SERVER
from chatsrv.realtime.commands import COMMANDS
from chatsrv.services import Services
from chatsrv.storage.keys import shard_of
from tests.api.tenancy.watch import redis_items
from tests.conftest import DemoApp
from tests.realtime.conftest import Client, Connect, NewClient

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

NEXT_DOOR = next(name for name in map("next-door-{}".format, range(999)) if shard_of(name) == shard_of("demo"))
TOKEN_LIFE_S = 600


@dataclass(slots=True)
class Sides:
    """`attacker` is a socket of the demo app; Eve has one next door, and watches Rob, and is in a channel with him."""

    attacker: Client
    eve: Client
    rob: Client
    channel: int
    eves_token: str
    watching: Mapping[str, Any]


@pytest.fixture
async def sides(
    connect: Connect, new_client: NewClient, services: Services, demo: DemoApp, clock: Clock
) -> AsyncIterator[Sides]:
    app, _ = await services.apps.create(NEXT_DOOR, None)
    tokens = {}
    for name in ("eve", "rob"):
        await services.users.create(app.id, {"username": name}, SERVER)
        tokens[name], _ = await services.callers.mint_token(app, name, TOKEN_LIFE_S)
    channel = (await services.channels.create(app.id, {"subject": "Theirs", "type": 0}, "eve", SERVER)).channel.id
    eve, rob = new_client(), new_client()
    eve.hello = await eve.connect({"token": tokens["eve"], "client_id": "one"})
    watching = await eve.io.call("presence:subscribe", {"usernames": ["rob"]})
    await eve.io.call("room:enter", {"channel": channel})
    await rob.connect({"token": tokens["rob"], "client_id": "two"})
    assert (await eve.next("presence:diff"))["changes"][0]["username"] == "rob"
    attacker = await connect("anna", client_id="one")
    yield Sides(attacker, eve, rob, channel, tokens["eve"], watching)
    # whoever did not hear the attacker hears their own
    await rob.io.call("presence:set", {"status": "dnd"})
    diff = await eve.next("presence:diff")
    assert [(change["username"], change["presence_status"]) for change in diff["changes"]] == [("rob", 4)]


def asked(names: list[str], channel: int, token: str, epoch: str, version: int) -> dict[str, Any]:
    """What each command can say about the neighbour; a command that is not in it fails the test below."""
    return {
        "presence:subscribe": {"usernames": names},
        "presence:unsubscribe": {"usernames": names},
        "presence:resume": {"epoch": epoch, "version": version, "usernames": names},
        "presence:query": {"usernames": names},
        "presence:set": {"status": "dnd", "text": names[0]},
        "presence:activity": {"active": True},
        "room:enter": {"channel": channel},
        "room:leave": {"channel": channel},
        "auth:refresh": {"token": token},
    }


def said(command: str, answer: Any, names: list[str], channel: int) -> str:
    """The answer without what was asked for, and without one's own clocks."""
    text = str({key: value for key, value in answer.items() if key not in ("applied_at", "presence")})
    words = [str(channel)] if command.startswith("room:") else [repr(name) for name in names]
    for word in words:
        text = text.replace(word, "?")
    return text


async def test_every_command_answers_for_the_neighbours_as_for_nobodys(
    sides: Sides, services: Services, demo: DemoApp
) -> None:
    hello, theirs = sides.attacker.hello, sides.watching
    nobodys_token = jwt.encode({"sub": "eve", "aid": "next-door-no", "exp": 9_999_999_999}, "x" * 32)
    of_theirs = asked(["eve", "rob"], sides.channel, sides.eves_token, theirs["epoch"], theirs["version"])
    of_nobody = asked(["eva", "rab"], sides.channel + 1, nobodys_token, hello["epoch"], theirs["version"])
    assert of_theirs.keys() == COMMANDS.keys()
    before = {item for item in await redis_items(services) if NEXT_DOOR in str(item)}
    for command in COMMANDS:
        one = await sides.attacker.io.call(command, of_theirs[command])
        other = await sides.attacker.io.call(command, of_nobody[command])
        if command == "auth:refresh":
            # a token that verifies is told from one that does not, by whoever holds it
            assert (one["error"]["type"], other["error"]["type"]) == ("BadUsernameInToken", "InvalidToken")
            continue
        of_one, of_other = (["eve", "rob"], sides.channel), (["eva", "rab"], sides.channel + 1)
        assert said(command, one, *of_one) == said(command, other, *of_other)
    assert {item for item in await redis_items(services) if NEXT_DOOR in str(item)} == before
    assert sides.eve.events.empty()
    assert sides.rob.events.empty()


async def test_nothing_that_the_neighbours_do_reaches_a_socket_that_asked_for_them(sides: Sides) -> None:
    names = ["eve", "rob", "anna"]
    subscribed = await sides.attacker.io.call("presence:subscribe", {"usernames": names})
    assert ([user["username"] for user in subscribed["users"]], subscribed["unknown"]) == (["anna"], names[:2])
    epoch, version = sides.watching["epoch"], sides.watching["version"]
    resumed = await sides.attacker.io.call("presence:resume", {"epoch": epoch, "version": version, "usernames": names})
    assert {user["username"] for user in [*resumed.get("users", ()), *resumed.get("changes", ())]} <= {"anna"}
    await sides.eve.io.call("presence:set", {"status": "away"})
    await sides.rob.io.call("presence:set", {"status": "away"})
    await sides.eve.next("presence:diff")  # her own
    await sides.eve.next("presence:diff")
    # what comes to the attacker comes in order: their own change, and nothing before it
    await sides.attacker.io.call("presence:set", {"status": "dnd"})
    diff = await sides.attacker.next("presence:diff")
    assert [change["username"] for change in diff["changes"]] == ["anna"]
    assert sides.attacker.events.empty()


async def test_a_client_id_of_the_neighbours_or_of_another_user_replaces_nobody(
    sides: Sides, connect: Connect, services: Services
) -> None:
    for name in ("anna-too", "eve"):
        await connect(name, client_id="two")
        await connect(name, client_id=sides.eve.hello["session_id"])
    for client, ack in ((sides.eve, {"count": 1}), (sides.rob, {"count": 0}), (sides.attacker, {"count": 0})):
        assert await client.io.call("presence:unsubscribe", {"usernames": []}) == ack
        assert client.events.empty()
    assert len(await services.presence.sessions(await services.users.find(NEXT_DOOR, "eve"))) == 1


async def test_a_token_of_the_neighbours_connects_as_theirs_and_never_as_ours(
    sides: Sides, new_client: NewClient, services: Services, demo: DemoApp
) -> None:
    ours, theirs = await services.apps.get(demo.id), await services.apps.get(NEXT_DOOR)
    await services.users.create(demo.id, {"username": "eve"}, SERVER)
    claims = {"sub": "eve", "exp": 9_999_999_999}
    for aid, secret in ((theirs.id, ours.jwt_secret), (ours.id, theirs.jwt_secret)):
        refused = await new_client().refused({"token": jwt.encode({**claims, "aid": aid}, secret)})
        assert refused == {"code": 1021, "type": "InvalidToken"}
    hello = await new_client().connect({"token": jwt.encode({**claims, "aid": ours.id}, ours.jwt_secret)})
    assert hello["user"]["presence_status"] == 1
    assert sides.eve.events.empty()
