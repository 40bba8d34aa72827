"""What a request must not reach by a trick: fields that are the server's, other paths, and headers of the answer."""

from __future__ import annotations

from typing import Any

import pytest

from chatsrv.domain.presence import SERVER
from chatsrv.domain.users import AccountStatus, User
from chatsrv.services import Services
from tests.api.manners import MANNERS, Manner
from tests.api.raw import send
from tests.client import ApiClient
from tests.conftest import DemoApp

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

NATIVE, PANEL, OKSKY, PULSE = MANNERS
UUID = "018f0000-0000-7000-8000-000000000000"
SERVERS_OWN: dict[str, Any] = {
    "id": 77,
    "uuid": UUID,
    "app_id": "next-door",
    "appId": "next-door",
    "status": 1,
    "state": "active",
    "created_at": "1999-01-01T00:00:00Z",
    "updated_at": "1999-01-01T00:00:00Z",
    "tokens_since": 1,
    "onboarding": 0,
    "password_hash": "x",
    "discarded_at": "1999-01-01T00:00:00Z",
    "username_key": "x",
    "claims": [],
    "is_active": False,
    "user_type": "Administrator",
    "is_admin": True,
    "rank": 0,
    "admin": True,
    "identity_id": 1,
    "owner": "x",
    "__proto__": {"role": "admin"},
    "constructor": {"prototype": {"role": "admin"}},
    "to_others": {},
}
"""None of which is for a client to say, whichever dialect it speaks."""

CHANGED_BY_A_WRITE = ("updated_at",)


def of_the_server(user: User) -> tuple[Any, ...]:
    return (
        user.id,
        user.uuid,
        user.app_id,
        user.status,
        user.created_at,
        user.tokens_since,
        user.onboarding,
        user.role,
    )


def assigning(manner: Manner, name: str, username: str, path: str | None) -> Any:
    """A good body that also says this."""
    body = manner.new_user(username)
    if "data" not in body:
        return {**body, name: SERVERS_OWN[name]}
    if path:
        body["data"]["id"] = path.rpartition("/")[2]
    body["data"]["attributes"] = {**body["data"]["attributes"], name: SERVERS_OWN[name]}
    return body


@pytest.mark.parametrize("manner", MANNERS, ids=lambda manner: manner.name)
async def test_nobody_sets_what_is_the_servers_by_naming_it(
    manner: Manner, api: ApiClient, services: Services, demo: DemoApp
) -> None:
    client = manner.speak(api, demo.key)
    path = await manner.make(client, "anna")
    [anna] = [user async for users in services.users.walk("demo") for user in users]
    for number, name in enumerate(SERVERS_OWN):
        await client.request("PATCH", path, json=assigning(manner, name, anna.username, path))
        assert of_the_server(await services.users.find("demo", anna.id)) == of_the_server(anna), name
        await client.post(manner.users, assigning(manner, name, f"new{number}", None))
    made = [user async for users in services.users.walk("demo") for user in users]
    for user in made:
        assert (user.app_id, user.status, user.tokens_since, user.role) == ("demo", AccountStatus.ACTIVE, 0, "user")
        assert user.uuid != UUID
        assert user.id != SERVERS_OWN["id"]
        assert user.created_at >= anna.created_at


async def test_people_make_themselves_no_more_than_they_are(api: ApiClient, services: Services, demo: DemoApp) -> None:
    values = {"username": "anna", "email": "anna@x.org"}
    anna = (await services.users.create("demo", values, SERVER, "correct horse")).user
    shown = {
        NATIVE: (await services.callers.mint_token(await services.apps.get("demo"), "anna", 600))[0],
        OKSKY: await services.access_tokens.issue("demo", "anna"),
        PULSE: (await services.bearers.sign_in("anna@x.org", "correct horse")).token,
    }
    paths = {NATIVE: f"{NATIVE.users}/anna", OKSKY: f"{OKSKY.users}/{anna.id}", PULSE: f"{PULSE.users}/{anna.uuid}"}
    for manner, credential in shown.items():
        client = manner.speak(api, credential)
        for name, value in {**SERVERS_OWN, "role": "admin", "root_admin": True, "role_ids": [UUID]}.items():
            body = {name: value}
            if manner is not NATIVE:
                id_ = paths[manner].rpartition("/")[2]
                body = {"data": {"type": "customers" if manner is OKSKY else "users", "id": id_, "attributes": body}}
            answer = await client.request("PATCH", paths[manner], json=body)
            assert answer.status in (200, 400, 403, 422), (manner.name, name, answer.body)
            assert of_the_server(await services.users.find("demo", anna.id)) == of_the_server(anna), (manner.name, name)


TRICKS = (
    *("{users}/../users/{id}", "{users}/%2e%2e/users/{id}", "{users}/.%2e/users/{id}", "{users}//{id}"),
    *("/{users}/{id}", "{users}/{id}%2F", "{users}/{id}%00", "{users}/{id};a=b", "{users}%2F{id}"),
    *("{users}/%252e%252e/{id}", "{users}\\{id}", "{users}/x/../{id}", "{users}/./{id}", "{users}/{id}/..%2f.."),
    *("{users}/{id}/.", "{users}/{id}%20", "{users}/%u0061", "{users}/{id}%0d%0aX-Evil:%201", "{users};/{id}"),
    *("{users}/{id}/;", "{users}/{id}//", "{users}/{id}%3f"),
)


async def test_no_spelling_of_a_path_leads_round_the_routes(api: ApiClient, demo: DemoApp) -> None:
    for manner in MANNERS:
        client = manner.speak(api, demo.key)
        users, _, id_ = (await manner.make(client, f"anna-{manner.name}")).rpartition("/")
        for trick in TRICKS:
            for method in ("GET", "DELETE"):
                answer = await send(client, f"{method} {trick.format(users=users, id=id_)}")
                assert answer.status in (400, 404, 405), (manner.name, method, trick, answer.status, answer.body)
                assert "X-Evil" not in answer.headers
        assert (await client.get(f"{users}/{id_}")).status == 200


async def test_nothing_that_is_sent_becomes_a_header_of_the_answer(api: ApiClient, demo: DemoApp) -> None:
    evil = "%0d%0aX-Evil:%201%0d%0a%0d%0a<script>"
    for manner in MANNERS:
        client = manner.speak(api, demo.key)
        asked = [
            await client.post(manner.users, manner.new_user("anna\r\nX-Evil: 1")),
            await send(client, f"GET {manner.users}?page[number]=1&x={evil}&filter=username:eq:{evil}&sort={evil}"),
            await send(client, f"GET {manner.users}/{evil}"),
            await send(client, f"GET {manner.users}\nX-Request-Id: a b<script>\nOrigin: https://evil.example"),
            await send(client, f"GET {manner.users}\nHost: evil.example:80<>"),
            await send(client, f"PATCH {manner.users}/x\nX-Http-Method-Override: GET"),
        ]
        for answer in asked:
            assert answer.status < 500
            assert "X-Evil" not in answer.headers
            assert "script" not in str(answer.headers), answer.headers
            assert "80<>" not in f"{answer.headers}{answer.body!r}"
        assert "Access-Control-Allow-Origin" not in asked[3].headers
    made = await NATIVE.speak(api, demo.key).post(NATIVE.users, {"username": 'a/../b?c#d%0d\u00e9"<>;'})
    assert made.headers["Location"] == "/v1/demo/users/a%2F..%2Fb%3Fc%23d%250d%C3%A9%22%3C%3E%3B"


async def test_a_verb_that_is_none_and_a_target_that_is_no_path_are_refused(api: ApiClient, demo: DemoApp) -> None:
    for manner in MANNERS:
        client = manner.speak(api, demo.key)
        for line in (
            f"FOO {manner.users}",
            f"get {manner.users}",
            f"TRACE {manner.users}",
            f"CONNECT {manner.users}",
            f"GET http://evil.example{manner.users}/x/../..",
            "GET *",
            "OPTIONS *",
            f"DELETE {manner.users}",
        ):
            answer = await send(client, line)
            assert answer.status in (200, 204, 400, 404, 405), (line, answer.status)
            assert b"Traceback" not in answer.body
