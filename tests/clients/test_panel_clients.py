"""The panel dialect through ptero, Pythactyl and nodeactyl as they come."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from ptero.application import ApplicationAPI
from pydactyl import PterodactylClient
from pydactyl.exceptions import PterodactylApiError
from Pythactyl.Admin import PterodactylAdmin
from Pythactyl.Errors import UserExists

from tests.api.native.people import add
from tests.client import ApiClient
from tests.clients.blocking import in_a_thread
from tests.clients.npm import needs_node, play
from tests.clients.people import ANNA, BEN
from tests.conftest import DemoApp

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


@pytest.fixture
def admin(api: ApiClient, demo: DemoApp) -> PterodactylAdmin:
    """Pythactyl."""
    return PterodactylAdmin(api.url, demo.key)


async def test_ptero_creates_reads_updates_and_deletes_a_user(ptero: ApplicationAPI, api: ApiClient) -> None:
    anna = await ptero.create_user(**ANNA, external_id="crm-1", root_admin="1")
    assert anna
    assert (anna.username, anna.external_id, anna.root_admin, anna.two_factor) == ("anna", "crm-1", True, False)
    found = await ptero.get_user(anna.id)
    assert found
    assert {**found.data, "relationships": None} == {**anna.data, "relationships": None}
    renamed = await ptero.update_user(anna.id, **{**ANNA, "username": "anna.ray"}, language="en")
    assert renamed
    assert (renamed.username, renamed.external_id, renamed.uuid) == ("anna.ray", "crm-1", anna.uuid)
    assert await ptero.update_user(anna.id, email="only@example.com") is None
    assert await ptero.create_user(**{**BEN, "email": "ANNA@example.com"}) is None
    assert await ptero.delete_user(anna.id)
    assert not await ptero.delete_user(anna.id)
    assert await ptero.get_user(anna.id) is None
    assert await ptero.get_users() == []


async def test_ptero_reads_every_page(ptero: ApplicationAPI, api: ApiClient) -> None:
    names = [f"user{number}" for number in range(5)]
    await add(api, *names)
    assert [user.username for user in await ptero.get_users({"per_page": 2})] == names
    assert [user.username for user in await ptero.get_users({"filter[username]": "USER3", "per_page": 2})] == ["user3"]


async def test_ptero_and_py_dactyl_own_and_release_servers(ptero: ApplicationAPI, panel: PterodactylClient) -> None:
    anna = await ptero.create_user(**ANNA)
    assert anna
    server = await ptero.create_server({"name": "lobby", "user": anna.id, "egg": 1, "limits": {"memory": 0}})
    assert server
    assert (server["object"], server["attributes"]["name"], server["attributes"]["user"]) == (
        "server",
        "lobby",
        anna.id,
    )
    assert [each["attributes"] for each in await ptero.get_servers()] == [server["attributes"]]
    details = await ptero.get_server_details(server["attributes"]["id"])
    assert details
    assert details["attributes"] == server["attributes"]
    owner = await ptero.get_user(anna.id)
    assert owner
    assert owner.data["relationships"]["servers"]["data"] == [details]
    assert not await ptero.delete_user(anna.id)

    @in_a_thread
    def release() -> None:
        with pytest.raises(PterodactylApiError, match="Cannot delete a user with active servers attached"):
            panel.user.delete_user(anna.id)
        assert panel.servers.list_servers().data == [details]
        assert panel.servers.get_server_info(server["attributes"]["id"]) == server["attributes"]
        assert panel.servers.delete_server(server["attributes"]["id"], force=True).status_code == 204
        assert panel.user.delete_user(anna.id).status_code == 204

    await release()
    assert await ptero.create_server({"name": "lobby", "user": anna.id}) is None


async def test_ptero_logs_that_its_rate_is_used_up(ptero: ApplicationAPI, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "ptero"):
        for _ in range(241):
            await ptero.get_user(1)
    assert "Limit: 240, Remaining: 0" in caplog.text


@in_a_thread
def test_pythactyl_creates_reads_edits_and_removes_a_user(admin: PterodactylAdmin, panel: PterodactylClient) -> None:
    anna = admin.createUser("anna@example.com", "anna", "Anna", "Ray")
    assert (anna.username, anna.fname, anna.lname, anna.lang, anna.admin) == ("anna", "Anna", "Ray", "en", False)
    with pytest.raises(UserExists):
        admin.createUser("anna@example.com", "anna", "Anna", "Ray")
    # what it calls `id` is the uuid
    number = panel.user.list_users(uuid=anna.id).data[0]["attributes"]["id"]
    assert vars(admin.getUser(number)) == vars(anna)
    edited = admin.editUser(number, "ann@example.com", "anna", "Ann", "Ray", "en", "secret-1234", root_admin=True)
    assert (edited.email, edited.fname, edited.admin, edited.id) == ("ann@example.com", "Ann", True, anna.id)
    assert [user.username for user in admin.listUsers()] == ["anna"]
    assert admin.getByExternalID("nobody")["errors"][0]["code"] == "NotFoundHttpException"
    with pytest.raises(KeyError):
        # without root_admin it sends null, which the panel refuses too
        admin.editUser(number, "ann@example.com", "anna", "Ann", "Ray", "en", None)
    assert admin.removeUser(number)
    assert not admin.removeUser(number)


@needs_node
async def test_nodeactyl_does_all_it_can(scripts: Path, api: ApiClient, demo: DemoApp) -> None:
    seen = await play(scripts, "nodeactyl.js", api.url, demo.key)
    anna, ben = seen["anna"]["attributes"], seen["ben"]["attributes"]
    assert (anna["username"], anna["email"], ben["username"]) == ("anna", "Anna@Example.com", "ben")
    assert [user["attributes"] for user in seen["all"]["data"]] == [anna, ben]
    assert seen["details"] == {"object": "user", "attributes": anna}
    assert seen["byUsername"]["attributes"] == seen["byEmail"]["attributes"] == ben
    assert seen["nobody"] is None
    assert seen["firstPage"] == seen["all"]
    assert (seen["pastTheEnd"]["data"], seen["pastTheEnd"]["meta"]["pagination"]["current_page"]) == ([], 9)
    assert seen["updated"] is True
    assert (seen["afterUpdate"]["attributes"]["email"], seen["afterUpdate"]["attributes"]["first_name"]) == (
        "anna@new.example",
        "Ann",
    )
    server = seen["server"]["attributes"]
    assert (server["name"], server["user"]) == ("lobby", anna["id"])
    assert [each["attributes"] for each in seen["servers"]["data"]] == [seen["serverDetails"]] == [server]
    assert (seen["deletedAsOwner"], seen["deletedServer"], seen["deleted"]) == ({"threw": 400}, True, True)
    assert (seen["gone"], seen["taken"], seen["unknownKey"]) == ({"threw": 404}, {"threw": 422}, {"threw": 401})
