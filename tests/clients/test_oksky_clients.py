"""The OkSky dialect through clients of JSON:API as they come: jsonapi-client and jsonapi-requests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import jsonapi_requests
import pytest
from jsonapi_client import Inclusion, Modifier, Session
from jsonapi_client.exceptions import DocumentError
from jsonapi_requests.data import JsonApiObject
from jsonapi_requests.orm import ApiModel, AttributeField, OrmApi
from jsonapi_requests.request_factory import ApiClientError

from tests.api.native.people import add
from tests.client import ApiClient
from tests.clients.blocking import in_a_thread
from tests.conftest import DemoApp

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

SCHEMA: dict[str, Any] = {
    "users": {"properties": {"username": {}, "full_name": {}}},
    "rooms": {"properties": {"name": {}, "kind": {}}},
    "members": {"properties": {"room_id": {}, "user_id": {}}},
}
"""jsonapi-client makes only what it knows."""

Connect = Callable[..., Session]


@pytest.fixture
def connect(api: ApiClient, demo: DemoApp) -> Connect:
    """Makes sessions of jsonapi-client."""

    def new(credential: str = demo.key, **options: Any) -> Session:
        return Session(f"{api.url}/rapi/v1", request_kwargs={"headers": {"X-Access-Token": credential}}, **options)

    return new


@pytest.fixture
def config(api: ApiClient, demo: DemoApp) -> dict[str, Any]:
    """What jsonapi-requests is told; slashes it appends by itself."""

    def authorize(request: Any) -> Any:
        request.headers["X-Access-Token"] = demo.key
        return request

    return {"API_ROOT": f"{api.url}/rapi/v1", "AUTH": authorize, "TIMEOUT": 20}


def add_two(connect: Connect) -> list[str]:
    """Anna, who is in the lobby, and Ben; returns their ids."""
    session = connect(schema=SCHEMA)
    anna = session.create_and_commit(
        "users", {"username": "anna", "full_name": "Anna Ray", "email": "anna@example.com"}
    )
    ben = session.create_and_commit("users", {"username": "ben"})
    lobby = session.create_and_commit("rooms", {"name": "lobby", "kind": "public"})
    session.create_and_commit("members", {"room_id": lobby.id, "user_id": anna.id})
    return [anna.id, ben.id]


@in_a_thread
def test_jsonapi_client_creates_reads_and_edits_a_user(connect: Connect) -> None:
    anna_id, _ = add_two(connect)
    anna = connect().get("users", anna_id).resource
    assert (anna.type, anna.id, anna["username"], anna["full_name"]) == ("users", anna_id, "anna", "Anna Ray")
    assert (anna["user_type"], anna["status"], anna["is_active"]) == ("Customer", "offline", True)
    anna["full_name"] = "Ann Ray"
    anna["info"] = {"plan": "gold"}
    anna.commit()
    assert (anna["full_name"], anna["info"]) == ("Ann Ray", {"plan": "gold"})
    # lists hand out the subtype, and the client writes to where its link leads
    listed = connect().get("users", Modifier(f"filter[id]={anna_id}")).resource
    assert (listed.type, listed.url.rpartition("/rapi/v1")[2]) == ("customers", f"/customers/{anna_id}")
    listed["full_name"] = "Anna Ray"
    listed.commit()
    listed.refresh()
    assert listed["full_name"] == "Anna Ray"


@in_a_thread
def test_jsonapi_client_walks_the_pages(connect: Connect) -> None:
    session = connect(schema=SCHEMA)
    for name in ("anna", "ben", "eve"):
        session.create_and_commit("users", {"username": name})
    users = connect().iterate("users", Modifier("page[size]=1&sort=-username"))
    assert [user["username"] for user in users] == ["eve", "ben", "anna"]
    page = connect().get("users", Modifier("page[number]=2&page[size]=2"))
    assert page.meta["record_count"] == 3
    assert [bool(getattr(page.links, rel)) for rel in ("first", "prev", "next", "last")] == [True, True, False, True]
    assert connect().get("users", Modifier("filter[id]=0")).resources == []


@in_a_thread
def test_jsonapi_client_follows_relationships_included_and_not(connect: Connect) -> None:
    anna_id, ben_id = add_two(connect)
    document = connect().get("users", Inclusion("rooms", "members"))
    assert sorted(resource.type for resource in document.included) == ["members", "rooms"]
    anna, ben = document.resources
    assert [room["name"] for room in anna.relationships["rooms"].resources] == ["lobby"]
    assert [str(member["user_id"]) for member in anna.relationships["members"].resources] == [anna_id]
    assert (ben.id, ben.relationships["rooms"].resources) == (ben_id, [])
    anna = connect().get("users", anna_id).resource
    related = {name: relationship.fetch() for name, relationship in anna._relationships.items()}
    types = {name: [resource.type for resource in found] for name, found in related.items() if found}
    assert (len(related), types) == (14, {"rooms": ["rooms"], "members": ["members"]})


@in_a_thread
def test_jsonapi_client_is_told_what_is_wrong(connect: Connect) -> None:
    anna_id, _ = add_two(connect)
    session = connect(schema=SCHEMA)
    with pytest.raises(DocumentError, match=r"Could not POST \(422\): has already been taken"):
        session.create_and_commit("users", {"username": "ben"})
    with pytest.raises(DocumentError, match=r"Could not POST \(422\): can't be blank"):
        session.create_and_commit("users", {"full_name": "No Name"})
    with pytest.raises(DocumentError, match="Error 404: Record not found") as missing:
        session.get("users", "999")
    assert missing.value.errors == {"status_code": 404}
    with pytest.raises(DocumentError, match="Error 400: Invalid sort criteria"):
        session.get("users", Modifier("sort=bogus"))
    with pytest.raises(DocumentError, match="Error 401: Unauthorized"):
        connect("wrong").get("users", anna_id)


async def test_jsonapi_client_with_the_token_of_a_customer_writes_that_customer_alone(
    connect: Connect, api: ApiClient
) -> None:
    await add(api, "anna", "ben")
    token = (await api.post("/v1/demo/users/anna/access_token")).json["access_token"]

    @in_a_thread
    def write() -> None:
        anna, ben = connect(token).get("users").resources
        anna["full_name"] = ben["full_name"] = "Ann Ray"
        anna.commit()
        assert anna["full_name"] == "Ann Ray"
        with pytest.raises(DocumentError, match=r"Could not PATCH \(403\): Forbidden"):
            ben.commit()

    await write()


@pytest.fixture
async def session(connect: Connect) -> AsyncIterator[Session]:
    """jsonapi-client without blocking."""
    async with connect(enable_async=True, schema=SCHEMA) as session:
        yield session


async def test_jsonapi_client_without_blocking_does_the_same_and_deletes(session: Session, connect: Connect) -> None:
    anna = await session.create_and_commit("users", {"username": "anna"})
    await session.create_and_commit("users", {"username": "ben"})
    anna["full_name"] = "Ann Ray"
    await anna.commit()
    found = [user["username"] async for user in session.iterate("users", Modifier("page[size]=1"))]
    assert found == ["anna", "ben"]
    customer = (await session.get("customers", anna.id)).resource
    assert customer["full_name"] == "Ann Ray"
    customer.delete()
    await customer.commit()
    # the first session remembers what it has seen
    async with connect(enable_async=True) as another:
        with pytest.raises(DocumentError, match="Error 404"):
            await another.get("users", anna.id)


@in_a_thread
def test_jsonapi_requests_does_all_it_can(config: dict[str, Any], connect: Connect) -> None:
    anna_id, ben_id = add_two(connect)
    api = jsonapi_requests.Api.config(config)
    page = api.endpoint("users").get(params={"page[size]": 1, "include": "rooms", "sort": "username"})
    assert ([user.id for user in page.data], page.content.meta) == ([anna_id], {"record_count": 2})
    assert [room.attributes["name"] for room in page.content.included] == ["lobby"]
    anna = api.endpoint(f"users/{anna_id}")
    for write, name in ((anna.put, "Ann Put"), (anna.patch, "Ann Patch")):
        answer = write(object=JsonApiObject(type="users", id=anna_id, attributes={"full_name": name}))
        assert (answer.status_code, answer.data.type, answer.data.attributes["full_name"]) == (200, "customers", name)
    body = {"data": [{"type": "users", "id": ben_id}]}
    assert [user.attributes["is_active"] for user in api.endpoint("users/deactivate").patch(json=body).data] == [False]
    assert api.endpoint(f"users/{anna_id}/regenerate_access_token").put().status_code == 204
    assert api.endpoint(f"users/{anna_id}").delete(object=anna.get().data).status_code == 204
    with pytest.raises(ApiClientError) as missing:
        anna.get()
    assert missing.value.status_code == 404
    with pytest.raises(ApiClientError) as refused:
        api.endpoint("users").get(params={"page[size]": 101})
    assert b"size exceeds maximum page size of 100." in refused.value.content


@in_a_thread
def test_the_models_of_jsonapi_requests_are_the_subtypes(config: dict[str, Any], connect: Connect) -> None:
    anna_id, ben_id = add_two(connect)

    class Customer(ApiModel):  # type: ignore[misc]  # it ships no types
        class Meta:
            api = OrmApi.config(config)
            type = path = "customers"

        full_name = AttributeField("full_name")

    assert [customer.id for customer in Customer.get_list(params={"sort": "-id"})] == [ben_id, anna_id]
    anna = Customer.from_id(anna_id)
    assert anna.full_name == "Anna Ray"
    renamed = Customer(JsonApiObject(type="customers", id=anna_id, attributes={"full_name": "Ann Ray"}))
    renamed.save()
    assert renamed.attributes["username"] == "anna"
    anna.refresh()
    assert anna.full_name == "Ann Ray"
    anna.delete()
    assert (Customer.exists(anna_id), Customer.exists(ben_id)) == (False, True)
