"""Users for the tests of the native dialect: made through the API, shown to be online, read off a list."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from uuid import uuid4

from chatsrv.domain.presence import Device, NewSession
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


def usernames(answer: Answer) -> list[str]:
    """Those of a list, in either shape, in its order."""
    assert answer.status == 200, answer.json
    users = answer.json if isinstance(answer.json, list) else answer.json["users"]
    return [user["username"] for user in users]
