"""One person through all doors: whoever is made, changed or sent away in one dialect is that in each of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from chatsrv.domain.errors import Unauthenticated
from chatsrv.services import Services
from tests.api.manners import MANNERS, Manner
from tests.api.native.people import come_online
from tests.client import ApiClient
from tests.conftest import DemoApp

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

NATIVE, PANEL, OKSKY, PULSE = MANNERS
EACH = pytest.mark.parametrize("door", MANNERS, ids=lambda manner: manner.name)


class Doors:
    """The four dialects, asked with one key."""

    def __init__(self, api: ApiClient, services: Services, key: str) -> None:
        self._clients = {manner.name: manner.speak(api, key) for manner in MANNERS}
        self._services = services

    def client(self, manner: Manner) -> ApiClient:
        return self._clients[manner.name]

    async def paths(self, username: str) -> dict[str, str]:
        """Where each dialect keeps this user."""
        user = await self._services.users.find("demo", username)
        ids = {
            "native": quote(user.username, safe=""),
            "panel": str(user.id),
            "oksky": str(user.id),
            "pulse": user.uuid,
        }
        return {manner.name: f"{manner.users}/{ids[manner.name]}" for manner in MANNERS}

    async def read(self, username: str) -> dict[str, Mapping[str, Any]]:
        """The user's attributes in each dialect."""
        paths = await self.paths(username)
        found: dict[str, Mapping[str, Any]] = {}
        for manner in MANNERS:
            query = "?fields=*" if manner is NATIVE else ""
            answer = await self.client(manner).get(paths[manner.name] + query)
            assert answer.status == 200, (manner.name, answer.body)
            found[manner.name] = attributes(manner, answer.json)
        return found

    async def statuses(self, paths: Mapping[str, str]) -> dict[str, int]:
        return {manner.name: (await self.client(manner).get(paths[manner.name])).status for manner in MANNERS}


def attributes(manner: Manner, json: Any) -> Mapping[str, Any]:
    if manner is NATIVE:
        return dict(json)
    found: Mapping[str, Any] = json["attributes"] if manner is PANEL else json["data"]["attributes"]
    return found


@pytest.fixture
def doors(api: ApiClient, services: Services, demo: DemoApp) -> Doors:
    return Doors(api, services, demo.key)


async def only_user(services: Services) -> str:
    """The name of whoever was made: Pulse invents it."""
    found = [user async for users in services.users.walk("demo") for user in users]
    assert len(found) == 1
    return found[0].username


@EACH
async def test_whoever_is_made_through_one_door_is_read_through_all(
    doors: Doors, services: Services, door: Manner
) -> None:
    await door.make(doors.client(door), "anna")
    name = await only_user(services)
    user = await services.users.find("demo", name)
    read = await doors.read(name)
    assert name.startswith("anna")
    assert read["native"]["username"] == read["panel"]["username"] == read["oksky"]["username"] == name
    assert read["native"]["uuid"] == read["panel"]["uuid"] == read["oksky"]["uuid"] == user.uuid
    assert read["native"]["id"] == read["panel"]["id"] == user.id
    assert read["oksky"]["name"] == read["pulse"]["name"] == user.display_name
    assert read["pulse"]["status"] == ("created" if door is PULSE else "active")
    emails = [read[name]["email"] for name in ("native", "oksky", "pulse")]
    assert emails == [user.email] * 3
    assert read["panel"]["email"] == (user.email or "")


async def test_what_one_door_would_refuse_to_write_every_door_reads(doors: Doors, services: Services) -> None:
    odd: dict[str, Any] = {
        "username": "Ünï cødé / 100%_{x}",
        "first_name": "",
        "last_name": "x" * 191,
        "name": "",
        "email": "odd@localhost",
        "external_id": "a/b?c=d&e#f%2F",
        "avatar": "https://x.org/" + "a" * 2000,
        "language": "pt-BR",
        "timezone": "Nowhere/Land",
        "role": "some.role-of_ours",
        "metadata": {"deep": [{"a": [1.5, None, "\u2028"]}]},
    }
    assert (await doors.client(NATIVE).post(NATIVE.users, odd)).status == 201
    read = await doors.read(odd["username"])
    assert {name: attributes["email"] for name, attributes in read.items()} == dict.fromkeys(read, "odd@localhost")
    for manner in MANNERS:
        page = await doors.client(manner).get(manner.users)
        assert page.status == 200
        assert b"odd@localhost" in page.body or manner is NATIVE


async def test_an_external_id_is_the_same_everywhere(doors: Doors) -> None:
    await doors.client(NATIVE).post(NATIVE.users, {"username": "anna", "external_id": "crm/7 é"})
    found = await doors.client(PANEL).get("/api/application/users/external/crm%2F7%20%C3%A9")
    assert (found.status, found.json["attributes"]["username"]) == (200, "anna")


async def test_an_email_is_unique_whichever_door_it_came_through(doors: Doors) -> None:
    assert (await doors.client(PANEL).post(PANEL.users, PANEL.new_user("anna"))).status == 201
    taken = {
        "native": {"username": "x", "email": "ANNA@x.org"},
        "panel": {**PANEL.new_user("other"), "email": "ANNA@x.org"},
        "oksky": {"data": {"type": "users", "attributes": {"username": "x", "email": "ANNA@x.org"}}},
        "pulse": {"data": {"type": "users", "attributes": {"name": "x", "email": "ANNA@x.org"}}},
    }
    statuses = {m.name: (await doors.client(m).post(m.users, taken[m.name])).status for m in MANNERS}
    assert statuses == {"native": 409, "panel": 422, "oksky": 422, "pulse": 422}


async def test_a_change_through_one_door_shows_through_all(doors: Doors) -> None:
    await doors.client(NATIVE).post(NATIVE.users, {"username": "anna"})
    paths = await doors.paths("anna")
    panel = {**PANEL.new_user("anna"), "first_name": "Anna", "last_name": "Berg", "language": "en", "root_admin": True}
    assert (await doors.client(PANEL).patch(paths["panel"], panel)).status == 200
    read = await doors.read("anna")
    assert (read["native"]["first_name"], read["native"]["role"], read["oksky"]["full_name"]) == (
        "Anna",
        "admin",
        "Anna Berg",
    )
    assert read["oksky"]["user_type"] == "Administrator"
    body = {
        "data": {"id": paths["oksky"].rsplit("/")[-1], "type": "users", "attributes": {"full_name": "Eve Maria Klein"}}
    }
    body["data"]["type"] = "administrators"
    answer = await doors.client(OKSKY).patch(paths["oksky"].replace("users", "administrators"), body)
    assert answer.status == 200, answer.body
    read = await doors.read("anna")
    assert (read["panel"]["first_name"], read["panel"]["last_name"]) == ("Eve Maria", "Klein")
    pulse = {"data": {"id": paths["pulse"].rsplit("/")[-1], "type": "user", "attributes": {"name": "Evi"}}}
    assert (await doors.client(PULSE).patch(paths["pulse"], pulse)).status == 200
    read = await doors.read("anna")
    assert (read["native"]["name"], read["oksky"]["name"], read["oksky"]["full_name"]) == (
        "Evi",
        "Evi",
        "Eve Maria Klein",
    )


DEACTIVATE: Mapping[str, tuple[str, str, Any]] = {
    "native": ("POST", "{}/deactivate", None),
    "oksky": ("PATCH", "/rapi/v1/users/deactivate?filter[id]={id}", {"data": []}),
    "pulse": ("POST", "{}/deactivate", None),
}


@pytest.mark.parametrize("door", [NATIVE, OKSKY, PULSE], ids=lambda manner: manner.name)
async def test_whoever_is_deactivated_through_one_door_is_out_everywhere(
    doors: Doors, services: Services, door: Manner
) -> None:
    await doors.client(NATIVE).post(NATIVE.users, {"username": "anna"})
    paths = await doors.paths("anna")
    await come_online(services, "anna")
    access = await services.access_tokens.issue("demo", "anna")
    method, template, body = DEACTIVATE[door.name]
    url = template.format(paths[door.name], id=paths["oksky"].rsplit("/")[-1])
    client = doors.client(door)
    answer = await (client.post(url, body) if method == "POST" else client.patch(url, body))
    assert answer.status == 200, answer.body
    read = await doors.read("anna")
    assert (read["native"]["status"], read["oksky"]["is_active"], read["pulse"]["status"]) == (1, False, "deactivated")
    assert (read["native"]["presence_status"], read["oksky"]["status"]) == (0, "offline")
    assert await services.presence.sessions(await services.users.find("demo", "anna")) == []
    with pytest.raises(Unauthenticated):
        await come_online(services, "anna")
    as_anna = doors.client(OKSKY).with_headers({"X-Access-Token": access})
    assert (await as_anna.get(paths["oksky"])).status in (401, 403)


@EACH
async def test_whoever_is_deleted_through_one_door_is_gone_everywhere(
    doors: Doors, services: Services, door: Manner
) -> None:
    await doors.client(NATIVE).post(NATIVE.users, {"username": "anna"})
    paths = await doors.paths("anna")
    await come_online(services, "anna")
    answer = await doors.client(door).delete(paths[door.name])
    assert answer.status == (200 if door is PULSE else 204), answer.body
    statuses = await doors.statuses(paths)
    assert statuses == {"native": 404, "panel": 404, "oksky": 404, "pulse": 200 if door is PULSE else 404}
    assert (await doors.client(NATIVE).get("/v1/demo/presence/counts")).json["online"] == 0


async def test_presence_shows_through_each_door_that_has_it_and_never_who_hides(
    doors: Doors, services: Services
) -> None:
    await doors.client(NATIVE).post(NATIVE.users, {"username": "anna"})
    await come_online(services, "anna")
    words = {}
    for status in ("online", "away", "dnd", "invisible"):
        await doors.client(NATIVE).put(f"{NATIVE.users}/anna/presence", {"status": status})
        words[status] = (await doors.read("anna"))["oksky"]["status"]
    assert words == {"online": "online", "away": "away", "dnd": "away", "invisible": "offline"}


async def test_who_owns_servers_is_refused_by_every_door(doors: Doors, services: Services) -> None:
    await doors.client(PANEL).post(PANEL.users, PANEL.new_user("anna"))
    paths = await doors.paths("anna")
    owner = int(paths["panel"].rsplit("/")[-1])
    assert (await doors.client(PANEL).post("/api/application/servers", {"name": "s", "user": owner})).status == 201
    statuses = {m.name: (await doors.client(m).delete(paths[m.name])).status for m in MANNERS}
    assert statuses == {"native": 409, "panel": 400, "oksky": 422, "pulse": 422}
    assert set((await doors.statuses(paths)).values()) == {200}


def told_in_the_table() -> dict[str, set[str]]:
    """The words of each column of the page's tables."""
    page = (Path(__file__).parents[2] / "docs" / "dialects.md").read_text()
    rows = [line.strip("|").split("|") for line in page.splitlines() if line.startswith("| ") and line.count("|") == 6]
    columns = [name.strip() for name in rows[0]]
    cells = {name: " ".join(row[number] for row in rows) for number, name in enumerate(columns)}
    return {name: set(re.findall(r"`([^`]+)`", text)) for name, text in cells.items()}


async def test_the_page_says_what_each_field_becomes(doors: Doors) -> None:
    await doors.client(NATIVE).post(NATIVE.users, {"username": "anna"})
    told = told_in_the_table()
    for name, attributes in (await doors.read("anna")).items():
        assert attributes.keys() - told[name] == set(), name
