"""Users for the tests of the OkSky dialect: made, made administrators, and asking with tokens of their own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.client import Answer, ApiClient

MEDIA_TYPE = "application/vnd.api+json"
ROOT = "/rapi/v1"
USERS = f"{ROOT}/users"


class Sky:
    """An ApiClient whose bodies are JSON:API; `api` is the bare one, with the same credentials."""

    def __init__(self, api: ApiClient) -> None:
        self.api = api

    async def request(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        """Headers that are given as None are not sent."""
        headers = {"Content-Type": MEDIA_TYPE, **options.pop("headers", {})}
        sent = {name: value for name, value in headers.items() if value is not None}
        skipped = [name for name, value in headers.items() if value is None]
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        address = path if path.startswith("http") else ROOT + path
        return await self.api.request(
            method, address, data=data, headers=sent, skip_auto_headers=[*skipped, "Content-Type"], **options
        )

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.request("GET", path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        return await self.request("POST", path, body, **options)

    async def put(self, path: str, body: Any = None, **options: Any) -> Answer:
        return await self.request("PUT", path, body, **options)

    async def patch(self, path: str, body: Any = None, **options: Any) -> Answer:
        return await self.request("PATCH", path, body, **options)

    async def delete(self, path: str, body: Any = None, **options: Any) -> Answer:
        return await self.request("DELETE", path, body, **options)


def as_key(api: ApiClient, key: str | None) -> Sky:
    client = api.speaking_as(None)
    client.headers = {"X-Access-Token": key} if key else {}
    return Sky(client)


async def as_person(services: Services, sky: Sky, ref: str | int) -> Sky:
    """The same server, asked with a new access token of theirs."""
    return as_key(sky.api, await services.access_tokens.issue("demo", ref))


def new(type_: str, **attributes: Any) -> dict[str, Any]:
    return {"data": {"type": type_, "attributes": attributes}}


def changed(type_: str, id_: Any, **attributes: Any) -> dict[str, Any]:
    return {"data": {"type": type_, "id": id_, "attributes": attributes}}


def identifiers(type_: str, *ids: Any) -> dict[str, Any]:
    return {"data": [{"type": type_, "id": id_} for id_ in ids]}


async def add(services: Services, *usernames: str, **fields: Any) -> list[str]:
    """Made in this order; their ids as this dialect has them."""
    people = [await services.users.create("demo", {"username": name, **fields}, SERVER) for name in usernames]
    return [str(person.user.id) for person in people]


async def add_room(services: Services, name: str, type_: int = 0, *members: str) -> str:
    owned = await services.channels.create("demo", {"subject": name, "type": type_}, None, SERVER)
    if members:
        await services.channels.add_members("demo", owned.channel.id, [int(id_) for id_ in members], None)
    return str(owned.channel.id)


def refused(answer: Answer, status: int, code: int, title: str, detail: str | None = None) -> Mapping[str, Any]:
    """Holds the answer against the exact shape of one error, which it returns."""
    assert answer.status == status, answer.json
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    assert answer.json.keys() == {"errors"}
    (error,) = answer.json["errors"]
    keys = ["title", "detail", "code", "source", "status"] if code == 100 else ["title", "detail", "code", "status"]
    assert list(error) == keys
    assert (error["status"], error["code"], error["title"]) == (str(status), str(code), title)
    assert detail is None or error["detail"] == detail
    return dict(error)


def ids_of(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.json
    return [resource["id"] for resource in answer.json["data"]]


def by_id(resources: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], Mapping[str, Any]]:
    return {(resource["type"], resource["id"]): resource for resource in resources}
