"""People for the tests of the Pulse dialect, and who asks."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from chatsrv.api.jsonapi import MEDIA_TYPE
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.client import Answer, ApiClient

USERS = "/api/v1/users"
TEAMS = "/api/v1/teams"
TEAM_MEMBERSHIPS = "/api/v1/team_memberships"
ACCOUNT_MEMBERSHIPS = "/api/v1/account_memberships"
NOBODY = "00000000-0000-4000-8000-000000000000"
PASSWORD = "correct horse"


def as_pulse(api: ApiClient, credential: str | None) -> ApiClient:
    """The same server, asked in this dialect by somebody else."""
    client = api.speaking_as(credential)
    client.headers["Content-Type"] = MEDIA_TYPE
    return client


def document(kind: str, **attributes: Any) -> dict[str, Any]:
    return {"data": {"type": kind, "attributes": attributes}}


async def add(pulse: ApiClient, name: str, **attributes: Any) -> str:
    """A new user's id."""
    return id_of(await pulse.post(USERS, document("users", name=name, **attributes)), 201)


async def add_team(pulse: ApiClient, name: str, **attributes: Any) -> str:
    return id_of(await pulse.post(TEAMS, document("teams", name=name, **attributes)), 201)


async def join(pulse: ApiClient, team: str, user: str, **attributes: Any) -> str:
    body = document("team_memberships", team_id=team, user_id=user, **attributes)
    return id_of(await pulse.post(TEAM_MEMBERSHIPS, body), 201)


async def as_person(services: Services, api: ApiClient, username: str, **fields: Any) -> tuple[ApiClient, str]:
    """Somebody of the demo app who has signed in, and their id."""
    email = f"{username}@mail.test"
    values = {"username": username, "email": email, **fields}
    person = await services.users.create("demo", values, SERVER, PASSWORD)
    signed_in = await services.bearers.sign_in(email, PASSWORD)
    return as_pulse(api, signed_in.token), person.user.uuid


def id_of(answer: Answer, status: int = 200) -> str:
    assert answer.status == status, answer.body
    found = str(answer.json["data"]["id"])
    assert str(UUID(found)) == found
    return found


def attributes_of(answer: Answer, status: int = 200) -> dict[str, Any]:
    assert answer.status == status, answer.body
    attributes: dict[str, Any] = answer.json["data"]["attributes"]
    return attributes


def names(answer: Answer) -> list[str]:
    """Of a list, in its order."""
    assert answer.status == 200, answer.body
    return [resource["attributes"]["name"] for resource in answer.json["data"]]


def refused(answer: Answer, status: int, *sources: str) -> list[dict[str, Any]]:
    """Holds the errors against their exact shape; `sources` are the pointers and parameters that they name."""
    assert answer.status == status, answer.body
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    errors: list[dict[str, Any]] = answer.json["errors"]
    for error in errors:
        keys = ["status", "code", "title", "detail", *(key for key in ("source", "meta") if key in error)]
        assert list(error) == keys
        assert error["status"] == str(status)
        assert error["title"]
        assert error["detail"]
    found = [source for error in errors for source in error.get("source", {}).values()]
    assert sorted(found) == sorted(sources), errors
    return errors
