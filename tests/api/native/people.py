"""Users for the tests of the native dialect: made through the API, shown to be online, read off a list."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from uuid import uuid4

from chatsrv.domain.clock import Clock
from chatsrv.domain.sessions import Device, NewSession
from chatsrv.services import Services
from tests.client import Answer, ApiClient

USERS = "/v1/demo/users"


def path_of(username: str) -> str:
    """The username percent-encoded, whatever it holds."""
    return f"{USERS}/{quote(username, safe='')}"


async def add(api: ApiClient, *usernames: str, **fields: Any) -> None:
    """Made in this order."""
    for username in usernames:
        answer = await api.post(USERS, {"username": username, **fields})
        assert answer.status == 201, answer.json


async def come_online(services: Services, username: str) -> str:
    """One session on the web; returns its id."""
    app, user = await services.apps.get("demo"), await services.users.find("demo", username)
    session = NewSession(uuid4().hex, uuid4().hex, False, Device.WEB, False, "websocket", "127.0.0.1")
    await services.presence.open(app, user, session)
    return session.id


async def end_the_hold(services: Services, clock: Clock) -> None:
    """In a keyspace that is new, offline changes wait for one lease."""
    await services.upkeep.beat()
    await pass_time(services, clock, services.settings.node_dead_s + 1)


async def pass_time(services: Services, clock: Clock, seconds: float) -> None:
    """The clock goes on, the node lives through it, and what is over by then ends.

    After more than a lease the node finds its own over and registers its sockets again.
    """
    await services.upkeep.beat()
    clock.advance(seconds)
    await services.upkeep.beat()
    await services.upkeep.sweep()


async def make_token(api: ApiClient, username: str) -> str:
    answer = await api.post(f"{path_of(username)}/tokens")
    assert answer.status == 201, answer.json
    return str(answer.json["token"])


async def as_user(api: ApiClient, username: str) -> ApiClient:
    """The same server, asked with a new token of this user."""
    return api.speaking_as(await make_token(api, username))


async def version_of(api: ApiClient) -> int:
    """It grows with every change that others see."""
    answer = await api.post("/v1/demo/presence/query", {"usernames": []})
    assert answer.status == 200, answer.json
    return int(answer.json["version"])


def usernames(answer: Answer) -> list[str]:
    """Those of a list, in either shape, in its order."""
    assert answer.status == 200, answer.json
    users = answer.json if isinstance(answer.json, list) else answer.json["users"]
    return [user["username"] for user in users]
