"""The Pulse dialect through clients of JSON:API as they come: jsonapi-client and jsonapi-requests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import jsonapi_requests
import pytest
from jsonapi_client import Inclusion, Modifier, Session
from jsonapi_client.exceptions import DocumentError
from jsonapi_requests.data import JsonApiObject
from jsonapi_requests.orm import ApiModel, AttributeField, OrmApi, RelationField
from jsonapi_requests.request_factory import ApiClientError

from tests.client import ApiClient
from tests.clients.blocking import in_a_thread
from tests.conftest import DemoApp

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

SCHEMA: dict[str, Any] = {
    "users": {"properties": {"name": {}, "email": {}}},
    "teams": {"properties": {"name": {}}},
    "team_memberships": {"properties": {"team_id": {}, "user_id": {}}},
}
"""jsonapi-client makes only what it knows."""

Connect = Callable[..., Session]


@pytest.fixture
def connect(api: ApiClient, demo: DemoApp) -> Connect:
    """Makes sessions of jsonapi-client."""

    def new(credential: str = demo.key, **options: Any) -> Session:
        headers = {"Authorization": f"Bearer {credential}"}
        return Session(f"{api.url}/api/v1", request_kwargs={"headers": headers}, **options)

    return new


@pytest.fixture
def config(api: ApiClient, demo: DemoApp) -> dict[str, Any]:
    """What jsonapi-requests is told; slashes it appends by itself."""

    def authorize(request: Any) -> Any:
        request.headers["Authorization"] = f"Bearer {demo.key}"
        return request

    return {"API_ROOT": f"{api.url}/api/v1", "AUTH": authorize, "TIMEOUT": 20}


def add_two(connect: Connect) -> list[str]:
    """Anna Ray, who is in the crew, and Ben Ode; returns their ids."""
    session = connect(schema=SCHEMA)
    anna = session.create_and_commit("users", {"name": "Anna Ray", "email": "anna@example.com"})
    ben = session.create_and_commit("users", {"name": "Ben Ode"})
    crew = session.create_and_commit("teams", {"name": "crew"})
    session.create_and_commit("team_memberships", {"team_id": crew.id, "user_id": anna.id})
    return [anna.id, ben.id]


@in_a_thread
def test_jsonapi_client_creates_reads_edits_and_deletes_a_user(connect: Connect) -> None:
    anna_id, _ = add_two(connect)
    anna = connect().get("users", anna_id).resource
    assert (anna.type, anna.id, anna["name"], anna["email"]) == ("user", anna_id, "Anna Ray", "anna@example.com")
    assert (anna["status"], anna["discarded_at"]) == ("created", None)
    anna["name"] = "Ann Ray"
    anna.commit()
    assert (anna["name"], anna["email"]) == ("Ann Ray", "anna@example.com")
    assert connect().get("users", anna_id).resource["name"] == "Ann Ray"
    anna.delete()
    anna.commit()
    discarded = connect().get("users", anna_id).resource
    assert (discarded["status"], discarded["discarded_at"] is None) == ("deleted", False)


@in_a_thread
def test_jsonapi_client_walks_the_pages(connect: Connect) -> None:
    session = connect(schema=SCHEMA)
    for name in ("Anna", "Ben", "Eve"):
        session.create_and_commit("users", {"name": name})
    users = connect().iterate("users", Modifier("page[size]=1&sort=-name"))
    assert [user["name"] for user in users] == ["Eve", "Ben", "Anna"]
    page = connect().get("users", Modifier("page[number]=2&page[size]=2"))
    assert page.meta["record_count"] == 3
    rels = ("self", "first", "prev", "next", "last")
    assert [bool(getattr(page.links, rel)) for rel in rels] == [True, True, True, False, True]
    assert connect().get("users", Modifier("filter[name]=eq:nobody")).resources == []


@in_a_thread
def test_jsonapi_client_reads_what_is_included(connect: Connect) -> None:
    anna_id, _ = add_two(connect)
    document = connect().get("users", Inclusion("account", "teams", "team_memberships") + Modifier("sort=name"))
    anna, ben = document.resources
    assert anna.relationships["account"].resource["name"] == ben.relationships["account"].resource["name"]
    assert [team["name"] for team in anna.relationships["teams"].resources] == ["crew"]
    assert [each["user_id"] for each in anna.relationships["team_memberships"].resources] == [anna_id]
    assert ben.relationships["teams"].resources == []
    filtered = connect().get("users", Modifier("include=teams&filter[teams][name]=ct:cr"))
    assert [user.id for user in filtered.resources] == [anna_id]


@in_a_thread
def test_jsonapi_client_is_told_what_is_wrong(connect: Connect) -> None:
    anna_id, _ = add_two(connect)
    session = connect(schema=SCHEMA)
    with pytest.raises(DocumentError, match=r"Could not POST \(422\)"):
        session.create_and_commit("users", {"name": "Another", "email": "ANNA@example.com"})
    anna = connect().get("users", anna_id).resource
    anna["status"] = "active"
    with pytest.raises(DocumentError, match=r"Could not PATCH \(422\)"):
        anna.commit()
    with pytest.raises(DocumentError, match="Error 404") as missing:
        session.get("users", str(uuid4()))
    assert missing.value.errors == {"status_code": 404}
    with pytest.raises(DocumentError, match="Error 400"):
        session.get("users", Modifier("sort=bogus"))
    with pytest.raises(DocumentError, match="Error 401"):
        connect("wrong").get("users", anna_id)


@pytest.fixture
async def session(connect: Connect) -> AsyncIterator[Session]:
    """jsonapi-client without blocking."""
    async with connect(enable_async=True, schema=SCHEMA) as session:
        yield session


async def test_jsonapi_client_without_blocking_does_the_same(session: Session) -> None:
    anna = await session.create_and_commit("users", {"name": "Anna Ray"})
    await session.create_and_commit("users", {"name": "Ben Ode"})
    anna["name"] = "Ann Ray"
    await anna.commit()
    found = [user["name"] async for user in session.iterate("users", Modifier("page[size]=1&sort=name"))]
    assert found == ["Ann Ray", "Ben Ode"]
    anna.delete()
    await anna.commit()
    assert (await session.get("users", anna.id)).resource["status"] == "deleted"


@in_a_thread
def test_jsonapi_requests_does_all_it_can(config: dict[str, Any], connect: Connect) -> None:
    anna_id, ben_id = add_two(connect)
    api = jsonapi_requests.Api.config(config)
    page = api.endpoint("users").get(params={"page[size]": 1, "include": "teams", "sort": "name"})
    assert ([user.id for user in page.data], page.content.meta["record_count"]) == ([anna_id], 2)
    assert [team.attributes["name"] for team in page.content.included] == ["crew"]
    anna = api.endpoint(f"users/{anna_id}")
    for write, name in ((anna.put, "Ann Put"), (anna.patch, "Ann Patch")):
        answer = write(object=JsonApiObject(type="user", id=anna_id, attributes={"name": name}))
        assert (answer.status_code, answer.data.type, answer.data.attributes["name"]) == (200, "user", name)
    deactivate = api.endpoint(f"users/{ben_id}/deactivate")
    assert [deactivate.post().data.attributes["status"], deactivate.delete().data.attributes["status"]] == [
        "deactivated",
        "active",
    ]
    answer = api.endpoint(f"users/{anna_id}").delete(object=anna.get().data)
    assert (answer.status_code, answer.data.attributes["status"]) == (200, "deleted")
    with pytest.raises(ApiClientError) as conflict:
        api.endpoint("users").post(object=JsonApiObject(type="teams", attributes={"name": "x"}))
    assert conflict.value.status_code == 409
    with pytest.raises(ApiClientError) as refused:
        api.endpoint("users").get(params={"filter[bogus]": "eq:x"})
    assert (refused.value.status_code, b'"filter[bogus]"' in refused.value.content) == (400, True)


@in_a_thread
def test_the_models_of_jsonapi_requests_know_their_relations(config: dict[str, Any], connect: Connect) -> None:
    anna_id, ben_id = add_two(connect)
    ours = OrmApi.config(config)

    class Team(ApiModel):  # type: ignore[misc]  # it ships no types
        class Meta:
            api = ours
            type = "team"
            path = "teams"

        name = AttributeField("name")

    class User(ApiModel):  # type: ignore[misc]
        class Meta:
            api = ours
            type = "user"
            path = "users"

        name = AttributeField("name")
        teams = RelationField("teams")

    anna, ben = User.get_list(params={"include": "teams", "sort": "name"})
    assert ([team.name for team in anna.teams], ben.teams) == (["crew"], [])
    assert User.from_id(ben_id).name == "Ben Ode"
    eve = User()
    eve.name = "Eve"
    eve.save()
    assert eve.attributes["status"] == "created"
    renamed = User(JsonApiObject(type="user", id=anna_id, attributes={"name": "Ann Ray"}))
    renamed.save()
    assert renamed.attributes["email"] == "anna@example.com"
    eve.delete()
    eve.refresh()
    assert eve.attributes["status"] == "deleted"
    assert (User.exists(anna_id), User.exists(str(uuid4()))) == (True, False)
