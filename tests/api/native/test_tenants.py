"""Two apps on one server never see each other, by whatever way."""

from __future__ import annotations

from dataclasses import dataclass

import jwt
import pytest

from chatsrv.services import Services
from tests.api.native.people import come_online, usernames
from tests.api.native.refusals import refused
from tests.client import ApiClient
from tests.conftest import DemoApp

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


@dataclass(frozen=True, slots=True)
class Tenant:
    """An app with the users `same` and one of its own, seen through its own key."""

    id: str
    secret: str
    api: ApiClient

    @property
    def users(self) -> str:
        return f"/v1/{self.id}/users"


@dataclass(frozen=True, slots=True)
class Pair:
    ours: Tenant
    theirs: Tenant


@pytest.fixture
async def pair(api: ApiClient, services: Services, demo: DemoApp) -> Pair:
    _, key = await services.apps.create("other", None)
    tenants = []
    for app_id, text, own in (("demo", demo.key, "anna"), ("other", key, "eve")):
        secret = (await services.apps.get(app_id)).jwt_secret
        tenants.append(Tenant(app_id, secret, api.speaking_as(text)))
        for name in ("same", own):
            body = {"username": name, "first_name": app_id, "email": f"{name}@b", "external_id": name}
            assert (await tenants[-1].api.post(f"/v1/{app_id}/users", body)).status == 201
    return Pair(*tenants)


async def test_names_emails_and_ids_are_unique_in_each_app_alone(pair: Pair) -> None:
    for tenant in (pair.ours, pair.theirs):
        assert (await tenant.api.get(f"{tenant.users}/same")).json["first_name"] == tenant.id
        assert (await tenant.api.get("/v1/users/same")).json["first_name"] == tenant.id
        refused(await tenant.api.post(tenant.users, {"username": "new", "email": "SAME@b"}), 409, 40900, "email")


ROUTES = [("GET", ""), ("POST", ""), ("GET", "/same"), ("PUT", "/same"), ("PATCH", "/same"), ("DELETE", "/same")]
ROUTES += [("POST", f"/same/{verb}") for verb in ("rename", "deactivate", "reactivate", "tokens")]


async def test_no_route_of_the_other_app_opens_to_our_key_or_token(pair: Pair) -> None:
    token = (await pair.ours.api.post(f"{pair.ours.users}/same/tokens")).json["token"]
    for client in (pair.ours.api, pair.ours.api.speaking_as(token)):
        for method, rest in ROUTES:
            answer = await client.request(method, pair.theirs.users + rest, json={"username": "x"})
            refused(answer, 403, 40105)
        for method in ("GET", "POST", "PUT"):
            refused(await client.request(method, "/v1/other/bulk/users"), 403, 40105)
    assert usernames(await pair.theirs.api.get(pair.theirs.users)) == ["same", "eve"]


async def test_a_token_counts_for_the_app_whose_keys_signed_it(pair: Pair) -> None:
    for aid, secret in (("other", pair.ours.secret), ("demo", pair.theirs.secret)):
        token = jwt.encode({"sub": "same", "aid": aid, "exp": 9_999_999_999}, secret)
        for path in (pair.ours.users, pair.theirs.users, "/v1/users/same"):
            refused(await pair.ours.api.speaking_as(token).get(path), 401, 1021)


async def test_lists_totals_and_exports_are_of_one_app(pair: Pair, services: Services) -> None:
    await come_online(services, "same")
    path = "?presence=true&filter=presence_status:eq:1"
    assert (await pair.ours.api.get(pair.ours.users + path)).json["total_count"] == 1
    assert (await pair.theirs.api.get(pair.theirs.users + path)).json["total_count"] == 0
    for tenant, own in ((pair.ours, "anna"), (pair.theirs, "eve")):
        answer = await tenant.api.get(f"{tenant.users}?sort=username&filter=username:not_eq:x")
        assert (sorted(usernames(answer)), answer.headers["X-Total-Count"]) == (sorted(["same", own]), "2")
        lines = (await tenant.api.get(f"/v1/{tenant.id}/bulk/users")).body.splitlines()
        assert len(lines) == 2
        assert all(tenant.id.encode() in line for line in lines)


async def test_what_one_app_does_to_a_name_does_nothing_to_the_others(pair: Pair, services: Services) -> None:
    before = (await pair.theirs.api.get(f"{pair.theirs.users}/same?fields=*")).json
    ours, path = pair.ours.api, f"{pair.ours.users}/same"
    await come_online(services, "same")
    await ours.put(path, {"first_name": "changed"})
    await ours.post(f"{path}/deactivate")
    await ours.post(f"{path}/rename", {"username": "gone"})
    await ours.post("/v1/demo/bulk/users", {"users": [{"username": "same", "first_name": "bulk"}]})
    await ours.put(
        "/v1/demo/bulk/users", data=b'{"username":"same","status":1}', headers={"Content-Type": "text/plain"}
    )
    await ours.delete(path)
    assert (await pair.theirs.api.get(f"{pair.theirs.users}/same?fields=*")).json == before


async def test_a_uuid_of_the_other_app_may_be_imported_and_moves_nothing(pair: Pair) -> None:
    line = (await pair.theirs.api.get("/v1/other/bulk/users")).body
    answer = await pair.ours.api.put("/v1/demo/bulk/users", data=line, headers={"Content-Type": "text/plain"})
    assert answer.json == {"created": 1, "updated": 1, "failed": []}
    assert (await pair.theirs.api.get("/v1/other/bulk/users")).body == line


async def test_a_cursor_or_etag_of_the_other_app_shows_nothing_of_it(pair: Pair) -> None:
    theirs = await pair.theirs.api.get(f"{pair.theirs.users}?presence=true&cursor=&limit=1")
    cursor = theirs.json["links"]["next"].replace("/other/", "/demo/")
    assert set(usernames(await pair.ours.api.get(cursor))) <= {"same", "anna"}
    for path in ("", "/same", "?presence=true"):
        etag = (await pair.theirs.api.get(pair.theirs.users + path)).headers["ETag"]
        answer = await pair.ours.api.get(pair.ours.users + path, headers={"If-None-Match": etag})
        assert answer.status == 200
