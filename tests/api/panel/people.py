"""Users and servers for the tests of the panel dialect, and what its errors look like."""

from __future__ import annotations

from typing import Any

from chatsrv.domain.apps import Scope
from chatsrv.services import Services
from tests.client import Answer, ApiClient

USERS = "/api/application/users"
SERVERS = "/api/application/servers"
NATIVE = "/v1/demo/users"

ANNA = {"username": "anna", "email": "Anna@Mail.test", "first_name": "Anna", "last_name": "Ray"}
BEN = {"username": "ben", "email": "ben@mail.test", "first_name": "Ben", "last_name": "Ode"}

UNAUTHENTICATED = (401, "AuthenticationException", "Unauthenticated.")
UNAUTHORIZED = (403, "AccessDeniedHttpException", "This action is unauthorized.")
NOT_FOUND = (404, "NotFoundHttpException", "The requested resource could not be found on the server.")
MALFORMED = (
    400,
    "BadRequestHttpException",
    "The JSON data passed in the request appears to be malformed: Syntax error",
)
TOO_MANY = (429, "ThrottleRequestsException", "Too Many Attempts.")


async def make(api: ApiClient, user: dict[str, Any] = ANNA, **fields: Any) -> dict[str, Any]:
    """A new user's attributes."""
    answer = await api.post(USERS, {**user, **fields})
    assert answer.status == 201, answer.json
    attributes: dict[str, Any] = answer.json["attributes"]
    return attributes


async def own(api: ApiClient, user_id: int, name: str = "lobby") -> dict[str, Any]:
    """A new server's attributes."""
    answer = await api.post(SERVERS, {"name": name, "user": user_id})
    assert answer.status == 201, answer.json
    attributes: dict[str, Any] = answer.json["attributes"]
    return attributes


async def with_scopes(api: ApiClient, services: Services, *scopes: Scope, networks: tuple[str, ...] = ()) -> ApiClient:
    """The same server, asked with a key that may do no more."""
    _, key = await services.apps.create_key("demo", "test", frozenset(scopes), networks, None)
    return api.speaking_as(key)


def usernames(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.json
    return [user["attributes"]["username"] for user in answer.json["data"]]


def refusal(answer: Answer) -> tuple[int, str, str]:
    """Status, code and detail of the one error."""
    assert answer.headers["Content-Type"] == "application/json"
    (error,) = answer.json["errors"]
    assert list(error) == ["code", "status", "detail"]
    assert error["status"] == str(answer.status)
    return answer.status, error["code"], error["detail"]


def failures(answer: Answer) -> list[tuple[str, str]]:
    """Field and rule of each error of a validation, in their order."""
    assert answer.status == 422, (answer.status, answer.json)
    for error in answer.json["errors"]:
        assert list(error) == ["code", "status", "detail", "meta"]
        assert (error["code"], error["status"], list(error["meta"])) == (
            "ValidationException",
            "422",
            ["source_field", "rule"],
        )
    return [(error["meta"]["source_field"], error["meta"]["rule"]) for error in answer.json["errors"]]


def details(answer: Answer) -> list[str]:
    return [error["detail"] for error in answer.json["errors"]]
