"""The panel dialect through py-dactyl as it comes, blocking and not."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from pydactyl import PterodactylClient
from pydactyl.async_api_client import AsyncPterodactylClient
from pydactyl.exceptions import PterodactylApiError

from chatsrv.domain.apps import Scope
from chatsrv.services import Services
from tests.api.native.people import add
from tests.client import ApiClient
from tests.clients.blocking import in_a_thread
from tests.clients.people import ANNA, BEN, EVE
from tests.conftest import DemoApp

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

KEYS = [
    "id",
    "external_id",
    "uuid",
    "username",
    "email",
    "first_name",
    "last_name",
    "language",
    "root_admin",
    "2fa",
    "created_at",
    "updated_at",
]


def usernames(users: Any) -> list[str]:
    return [user["attributes"]["username"] for user in users.data]


@in_a_thread
def test_py_dactyl_creates_reads_edits_and_deletes_a_user(panel: PterodactylClient, api: ApiClient) -> None:
    made = panel.user.create_user(**ANNA, external_id="crm 1", root_admin=True)
    assert (made["object"], list(made["attributes"])) == ("user", KEYS)
    anna = made["attributes"]
    assert {key: anna[key] for key in ANNA} == ANNA
    assert (anna["external_id"], anna["root_admin"], anna["language"], anna["2fa"]) == ("crm 1", True, "en", False)
    assert made["meta"] == {"resource": f"{api.url}/api/application/users/{anna['id']}"}
    assert panel.user.get_user_info(anna["id"]) == {"object": "user", "attributes": anna}
    assert panel.user.get_user_info(external_id="crm 1", detail=False) == anna
    edited = panel.user.edit_user(anna["id"], **{**ANNA, "first_name": "Ann"})
    assert list(edited) == ["object", "attributes"]
    # it sends null and false for all that is not given
    assert {**edited["attributes"], "updated_at": ""} == {
        **anna,
        "first_name": "Ann",
        "external_id": None,
        "root_admin": False,
        "updated_at": "",
    }
    assert panel.user.delete_user(anna["id"]).status_code == 204
    with pytest.raises(requests.HTTPError, match="404 Client Error"):
        panel.user.get_user_info(anna["id"])


@in_a_thread
def test_py_dactyl_deletes_by_the_external_id(panel: PterodactylClient) -> None:
    panel.user.create_user(**ANNA, external_id="crm-1")
    panel.user.create_user(**BEN)
    assert panel.user.delete_user(external_id="crm-1").status_code == 204
    assert usernames(panel.user.list_users()) == ["ben"]


@in_a_thread
def test_py_dactyl_filters_sorts_and_includes(panel: PterodactylClient) -> None:
    made = [panel.user.create_user(**user)["attributes"] for user in (ANNA, BEN, EVE)]
    panel.user.edit_user(made[2]["id"], **EVE, external_id="crm-7")
    found = panel.user.list_users
    assert usernames(found()) == ["anna", "ben", "eve_b"]
    assert usernames(found(email="EXAMPLE.com")) == ["anna", "eve_b"]
    assert usernames(found(username="anna,ben")) == ["anna", "ben"]
    assert usernames(found(username="_", email="example")) == ["eve_b"]
    assert usernames(found(uuid=made[1]["uuid"])) == ["ben"]
    assert usernames(found(external_id="CRM-")) == ["eve_b"]
    assert usernames(found(username="nobody at all")) == []
    assert usernames(found(params={"sort": "-id"})) == ["eve_b", "ben", "anna"]
    included = found(username="anna", includes=("servers", "bogus")).data[0]["attributes"]
    assert included["relationships"] == {"servers": {"object": "list", "data": []}}


async def test_py_dactyl_walks_the_pages(panel: PterodactylClient, api: ApiClient) -> None:
    names = [f"user{number:02}" for number in range(51)]
    await add(api, *names)

    @in_a_thread
    def walk() -> None:
        users = panel.user.list_users()
        assert (len(users), len(users.data)) == (51, 50)
        assert users.get_next_page_link() == f"{api.url}/api/application/users?page=2"
        assert users.get_previous_page_link() is None
        assert [user["attributes"]["username"] for user in users.collect()] == names
        single = panel.user.list_users(params={"per_page": 100})
        assert single.meta["pagination"] == {
            "total": 51,
            "count": 51,
            "per_page": 100,
            "current_page": 1,
            "total_pages": 1,
            "links": {},
        }

    await walk()


@in_a_thread
def test_py_dactyl_is_told_what_is_wrong(panel: PterodactylClient, api: ApiClient) -> None:
    panel.user.create_user(**ANNA)
    with pytest.raises(PterodactylApiError) as refusal:
        panel.user.create_user("anna", "no email", "", "Ray")
    told = str(refusal.value)
    assert told.startswith("API Request resulted in errors: [{")
    for detail in (
        "The email must be a valid email address.",
        "The username has already been taken.",
        "The first name field is required.",
    ):
        assert detail in told
    with pytest.raises(PterodactylApiError, match=r"Requested filter\(s\) `name` are not allowed"):
        panel.user.list_users(params={"filter[name]": "x"})
    with pytest.raises(PterodactylApiError, match=r"Requested sort\(s\) `email` is not allowed"):
        panel.user.list_users(params={"sort": "email"})
    with pytest.raises(PterodactylApiError, match="'source_field': 'per_page'"):
        panel.user.list_users(params={"per_page": "abc"})
    with pytest.raises(requests.HTTPError, match="401 Client Error"):
        PterodactylClient(api.url, "wrong", retries=0).user.list_users()


async def test_py_dactyl_may_do_what_the_scopes_of_its_key_say(
    panel: PterodactylClient, api: ApiClient, services: Services
) -> None:
    _, key = await services.apps.create_key("demo", "reader", frozenset({Scope.USERS_READ}), (), None)

    @in_a_thread
    def read_and_write() -> None:
        panel.user.create_user(**ANNA)
        reader = PterodactylClient(api.url, key, retries=0)
        anna = reader.user.list_users(includes=("servers",)).data[0]["attributes"]
        assert anna["relationships"] == {"servers": {"object": "null_resource", "attributes": None}}
        with pytest.raises(requests.HTTPError, match="403 Client Error"):
            reader.user.create_user(**BEN)
        reader._session.close()

    await read_and_write()


@in_a_thread
def test_py_dactyl_sees_how_many_requests_are_left(panel: PterodactylClient) -> None:
    ask = {"endpoint": "application/users", "json": False}
    first, second = (panel.user._api_request(**ask).headers for _ in range(2))
    assert first["X-RateLimit-Limit"] == "240"
    assert int(second["X-RateLimit-Remaining"]) == int(first["X-RateLimit-Remaining"]) - 1


async def test_py_dactyl_without_blocking_does_the_same(api: ApiClient, demo: DemoApp) -> None:
    async with AsyncPterodactylClient(api.url, demo.key) as panel:
        anna = (await panel.user.create_user(**ANNA))["attributes"]
        await panel.user.create_user(**BEN)
        found = await panel.user.list_users(email="anna@example.com", includes=("servers",))
        assert usernames(found) == ["anna"]
        assert len(await (await panel.user.list_users()).collect_async()) == 2
        edited = await panel.user.edit_user(anna["id"], **{**ANNA, "last_name": "Sun"})
        assert edited["attributes"]["last_name"] == "Sun"
        assert (await panel.user.get_user_info(anna["id"]))["attributes"] == edited["attributes"]
        assert (await panel.user.delete_user(anna["id"])).status == 204
        with pytest.raises(PterodactylApiError, match=r"The username has already been taken\."):
            await panel.user.create_user(**BEN)
