"""One person through several doors: what one dialect writes the other reads, and the other way round."""

from __future__ import annotations

import pytest

from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.api.oksky.people import Sky, add, changed, ids_of, new, refused
from tests.client import ApiClient

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

NATIVE = "/v1/demo/users"


async def test_somebody_made_here_is_the_same_in_the_native_dialect(sky: Sky, api: ApiClient) -> None:
    values = {"username": "anna", "full_name": "Anna Berg", "email": "a@example.com", "avatar_url": "anna.png"}
    made = (await sky.post("/users", new("users", **values, name="Anni", timezone="Asia/Tokyo"))).json["data"]
    native = (await api.get(f"{NATIVE}/anna?fields=*")).json
    assert (native["id"], native["uuid"]) == (int(made["id"]), made["attributes"]["uuid"])
    told = ("first_name", "last_name", "email", "avatar", "name", "timezone", "role")
    assert [native[name] for name in told] == [
        *("Anna", "Berg", "a@example.com", "anna.png", "Anni", "Asia/Tokyo", "user"),
    ]


async def test_somebody_made_there_is_the_same_here_whatever_they_hold(sky: Sky, api: ApiClient) -> None:
    odd = {"username": "名 {}/\\%", "first_name": "Änna", "role": "Admin", "timezone": "Eastern Time (US & Canada)"}
    assert (await api.post(NATIVE, {**odd, "language": "pt-BR", "metadata": {"a": 1}})).status == 201
    (one,) = (await sky.get("/users")).json["data"]
    found = one["attributes"]
    assert (one["type"], found["username"], found["full_name"], found["name"]) == (
        *("administrators", odd["username"], "Änna", "Änna"),
    )
    assert found["created_at"].endswith("Z")
    assert (await sky.patch("/administrators/1", changed("administrators", "1", name="A"))).status == 200
    assert (await api.get(f"{NATIVE}/{'%E5%90%8D%20%7B%7D%2F%5C%25'}?fields=name,metadata")).json == {
        "name": "A",
        "metadata": {"a": 1},
    }


async def test_whoever_is_deactivated_or_gone_in_one_is_so_in_the_other(
    sky: Sky, api: ApiClient, services: Services
) -> None:
    await add(services, "anna", "ben", "carl")
    await sky.patch("/users/deactivate?filter[id]=1")
    assert (await api.get(f"{NATIVE}/anna?fields=status")).json == {"status": 1}
    await api.post(f"{NATIVE}/anna/reactivate")
    assert (await sky.get("/users/1")).json["data"]["attributes"]["is_active"] is True
    await services.accounts.discard("demo", "ben", SERVER)
    assert ids_of(await sky.get("/users")) == ["1", "3"]
    refused(await sky.get("/users/2"), 404, 404, "Record not found")
    refused(await sky.patch("/users/2", changed("users", "2", name="x")), 404, 404, "Record not found")
    assert ids_of(await sky.patch("/users/reactivate?filter[id]=2")) == []
    assert (await sky.delete("/users/3")).status == 204
    assert (await api.get(f"{NATIVE}/carl")).status == 404


async def test_whoever_owns_servers_cannot_be_deleted(sky: Sky, services: Services, api: ApiClient) -> None:
    (anna,) = await add(services, "anna")
    answer = await api.post("/api/application/servers", {"name": "one", "user": int(anna)})
    assert answer.status == 201, answer.json
    answer = await sky.delete(f"/users/{anna}")
    assert (answer.status, answer.json["errors"][0]["code"]) == (422, "100")
    assert (await sky.get(f"/users/{anna}")).status == 200


async def test_a_token_made_in_the_native_dialect_opens_this_one(sky: Sky, api: ApiClient, services: Services) -> None:
    (anna,) = await add(services, "anna")
    token = (await api.post(f"{NATIVE}/anna/access_token")).json["access_token"]
    sky.api.headers["X-Access-Token"] = token
    assert (await sky.patch(f"/users/{anna}", changed("users", anna, name="A"))).status == 200
    refused(await sky.get("/users", headers={"X-Access-Token": token + "x"}), 401, 401, "Unauthorized")
