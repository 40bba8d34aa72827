"""How one speaks to each dialect: what the tests of the laws need to know of them, and no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chatsrv.api.jsonapi import MEDIA_TYPE
from tests.client import Answer, ApiClient

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Manner:
    """`users` is the collection; `new_user` a body that makes somebody; `key` the headers that carry a server key."""

    name: str
    prefix: str
    users: str
    media_type: str
    key: Callable[[str], Mapping[str, str]]
    new_user: Callable[[str], Any]
    id_of: Callable[[Any], str]
    is_error: Callable[[Answer], bool]

    def speak(self, api: ApiClient, key: str) -> ApiClient:
        headers = {**self.key(key), "Accept": self.media_type, "Content-Type": self.media_type}
        return api.with_headers(headers)

    async def make(self, api: ApiClient, username: str) -> str:
        """Makes a user and returns the path of them."""
        answer = await api.post(self.users, self.new_user(username))
        assert answer.status == 201, answer.body
        return f"{self.users}/{self.id_of(answer.json)}"


def _bearer(key: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _is_native_error(answer: Answer) -> bool:
    return bool(
        {"code", "type", "message", "traceId"} <= answer.json.keys()
        and answer.json["traceId"] == answer.headers["X-Request-Id"]
    )


def _is_listed_error(answer: Answer) -> bool:
    """The three others list errors, each with its status."""
    errors = answer.json["errors"]
    return bool(
        answer.json.keys() == {"errors"}
        and errors
        and all(error["status"] == str(answer.status) and error["code"] and error["detail"] for error in errors)
    )


def _panel_user(name: str) -> Any:
    return {"username": name, "email": f"{name}@x.org", "first_name": "A", "last_name": "B"}


def _resource(type_: str, **attributes: Any) -> Any:
    return {"data": {"type": type_, "attributes": attributes}}


MANNERS = (
    Manner(
        "native",
        "/v1/demo",
        "/v1/demo/users",
        JSON,
        _bearer,
        lambda name: {"username": name},
        lambda json: str(json["username"]),
        _is_native_error,
    ),
    Manner(
        "panel",
        "/api/application",
        "/api/application/users",
        JSON,
        _bearer,
        _panel_user,
        lambda json: str(json["attributes"]["id"]),
        _is_listed_error,
    ),
    Manner(
        "oksky",
        "/rapi/v1",
        "/rapi/v1/users",
        MEDIA_TYPE,
        lambda key: {"X-Access-Token": key},
        lambda name: _resource("users", username=name),
        lambda json: str(json["data"]["id"]),
        _is_listed_error,
    ),
    Manner(
        "pulse",
        "/api/v1",
        "/api/v1/users",
        MEDIA_TYPE,
        _bearer,
        lambda name: _resource("users", name=name),
        lambda json: str(json["data"]["id"]),
        _is_listed_error,
    ),
)
