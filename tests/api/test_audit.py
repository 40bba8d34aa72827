"""Whoever acts through a dialect is in the audit trail: by key or in person, with the address and the request's id."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import ClientSession

from chatsrv.domain.apps import ALL_SCOPES, ServerKey
from chatsrv.domain.audit import Entry
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.api.native.people import USERS, as_user, come_online
from tests.api.oksky.people import as_key, as_person, identifiers
from tests.api.panel.people import USERS as PANEL_USERS
from tests.api.pulse.people import USERS as PULSE_USERS
from tests.api.pulse.people import as_pulse
from tests.api.raw import send
from tests.api.serving import serving
from tests.client import Answer, ApiClient
from tests.conftest import DemoApp, MakeSettings
from tests.services.people import PASSWORD, make_user
from tests.services.trail import told, trail

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


@pytest.fixture(autouse=True)
async def anna(api: ApiClient, services: Services) -> int:
    """Her id."""
    return (await make_user(services, "demo", "anna@example.org")).id


@pytest.fixture
async def boss(services: Services) -> int:
    """The id of somebody who manages others and signs in."""
    values = {"username": "boss", "email": "boss@example.org", "role": "admin"}
    user = (await services.users.create("demo", values, SERVER, PASSWORD)).user
    return user.id


async def key_of(services: Services, demo: DemoApp) -> ServerKey:
    key = (await services.callers.identify_key(demo.key)).key
    assert key
    return key


async def last(services: Services) -> Entry:
    return (await trail(services))[-1]


async def is_told_of_the_key(services: Services, demo: DemoApp, answer: Answer, action: str) -> bool:
    """Whether the last entry says that this answer's request, with the app's key, did it to anna."""
    key, entry = await key_of(services, demo), await last(services)
    assert answer.status < 300, answer.json
    assert (entry.action, entry.subject) == (action, "anna")
    assert (entry.actor_kind, entry.actor_id, entry.actor_name) == ("key", key.id, "default")
    return (entry.address, entry.request_id) == ("127.0.0.1", answer.headers["X-Request-Id"])


ANNA = f"{USERS}/anna"
LINE = b'{"username": "anna", "status": 1}\n'
NATIVE: list[tuple[str, str, dict[str, Any], str]] = [
    ("POST", f"{ANNA}/deactivate", {}, "user_deactivated"),
    ("POST", f"{ANNA}/reactivate", {}, "user_reactivated"),
    ("PATCH", ANNA, {"json": {"role": "boss"}}, "role_given"),
    ("POST", "/v1/demo/bulk/users", {"json": {"users": [{"username": "anna", "role": "user"}]}}, "role_given"),
    ("PUT", "/v1/demo/bulk/users", {"data": LINE, "headers": {"Content-Type": "text/plain"}}, "user_deactivated"),
    ("POST", f"{ANNA}/reactivate", {}, "user_reactivated"),
    ("POST", f"{ANNA}/tokens", {}, "token_minted"),
    ("DELETE", f"{ANNA}/tokens", {}, "tokens_revoked"),
    ("POST", f"{ANNA}/access_token", {}, "access_token_issued"),
    ("DELETE", f"{ANNA}/sessions", {}, "signed_out"),
    ("PUT", f"{ANNA}/presence", {"json": {"status": "invisible"}}, "claim_set"),
    ("GET", f"{ANNA}/presence/explain", {}, "presence_explained"),
    ("GET", f"{ANNA}/sessions", {}, "sessions_listed"),
    ("DELETE", f"{ANNA}/presence", {}, "claims_cleared"),
    ("POST", f"{ANNA}/rename", {"json": {"username": "ann"}}, "user_renamed"),
    ("POST", f"{USERS}/ann/rename", {"json": {"username": "anna"}}, "user_renamed"),
    ("DELETE", ANNA, {}, "user_deleted"),
]


async def test_each_act_of_a_key_in_the_native_dialect_is_told(
    api: ApiClient, services: Services, demo: DemoApp
) -> None:
    for method, path, options, action in NATIVE:
        count = len(await trail(services))
        answer = await api.request(method, path, **options)
        assert len(await trail(services)) == count + 1, action
        if path == f"{USERS}/ann/rename":
            assert (await last(services)).detail["to"] == "anna"
            continue
        assert await is_told_of_the_key(services, demo, answer, action)


async def test_each_look_at_somebody_who_hides_is_told_and_none_at_others(api: ApiClient, services: Services) -> None:
    """Twice alike: no such answer is given from memory."""
    looks = [f"{ANNA}/presence/explain", f"{ANNA}/sessions"]
    await come_online(services, "anna")
    for path in looks:
        assert (await api.get(path)).status == 200
    assert await told(services) == []
    await api.put(f"{ANNA}/presence", {"status": "invisible"})
    for path in looks * 2:
        assert (await api.get(path)).status == 200
    assert [action for action, _ in await told(services)] == [
        "claim_set",
        *("presence_explained", "sessions_listed") * 2,
    ]


async def test_a_user_token_leaves_no_entry_until_its_user_deletes_themself(
    api: ApiClient, services: Services, anna: int
) -> None:
    own = await as_user(api, "anna")
    for method, path, body in (
        ("PUT", f"{ANNA}/presence", {"status": "invisible"}),
        ("GET", f"{ANNA}/sessions", None),
        ("DELETE", f"{ANNA}/presence", None),
        ("DELETE", f"{ANNA}/sessions", None),
        ("PATCH", ANNA, {"first_name": "A."}),
    ):
        answer = await own.request(method, path, **({"json": body} if body else {}))
        assert answer.status < 300, answer.json
    assert await told(services) == [("token_minted", "anna")]
    assert (await own.delete(ANNA)).status == 204
    entry = await last(services)
    assert (entry.action, entry.actor_kind, entry.actor_id, entry.actor_name) == (
        "user_deleted",
        "user",
        str(anna),
        "anna",
    )


async def test_what_was_refused_is_not_told(api: ApiClient, services: Services, demo: DemoApp) -> None:
    reader = (await services.apps.create_key("demo", "r", frozenset(), (), None))[1]
    for method, path, options, _ in NATIVE:
        assert (await api.speaking_as(reader).request(method, path, **options)).status == 403
    await services.apps.create("shop", None)
    for method, path, options, _ in NATIVE:
        assert (await api.request(method, path.replace("demo", "shop"), **options)).status == 403
    assert await told(services) == await told(services, "shop") == []


async def test_oksky_tells_of_keys_and_of_administrators_in_person(
    api: ApiClient, services: Services, demo: DemoApp, anna: int, boss: int
) -> None:
    sky = as_key(api, demo.key)
    body = identifiers("users", str(anna), str(boss))
    answer = await sky.patch("/users/deactivate", body)
    assert answer.status == 200
    by = {(entry.action, entry.subject, entry.actor_kind) for entry in (await trail(services))[-2:]}
    assert by == {("user_deactivated", "anna", "key"), ("user_deactivated", "boss", "key")}
    await sky.patch("/users/reactivate", body)
    person = await as_person(services, sky, boss)
    count = len(await trail(services))
    for path in (f"/users/{anna}/regenerate_access_token", f"/users/{boss}/regenerate_access_token"):
        assert (await person.put(path)).status == 204
    answer = await person.patch("/users/deactivate", body)
    assert answer.status == 401  # the token that it came with is dead
    person = await as_person(services, sky, boss)
    answer = await person.delete(f"/users/{anna}")
    assert answer.status == 204
    entries = [(one.action, one.actor_kind, one.actor_name) for one in (await trail(services))[count:]]
    assert entries == [
        ("access_token_issued", "user", "boss"),  # anna's; her own is her own affair
        ("access_token_issued", "system", ""),  # the test's
        ("user_deleted", "user", "boss"),
    ]
    assert (await last(services)).request_id == answer.headers["X-Request-Id"]


async def test_pulse_tells_of_who_signed_in_and_of_keys(
    api: ApiClient, services: Services, demo: DemoApp, anna: int, boss: int
) -> None:
    uuid = (await services.users.find("demo", anna)).uuid
    bearer = (await services.bearers.sign_in("boss@example.org", PASSWORD)).token
    for credential, actor in ((bearer, ("user", str(boss), "boss")), (demo.key, None)):
        client, count = as_pulse(api, credential), len(await trail(services))
        for method, path in (
            ("DELETE", ""),
            ("DELETE", "/discard"),
            ("POST", "/deactivate"),
            ("DELETE", "/deactivate"),
        ):
            answer = await client.request(method, f"{PULSE_USERS}/{uuid}{path}")
            assert answer.status == 200, answer.json
        acts = [(one.action, one.subject) for one in (await trail(services))[count:]]
        words = ("discarded", "restored", "deactivated", "reactivated")
        assert acts == [(f"user_{word}", "anna") for word in words]
        entry = await last(services)
        expected = actor or ("key", (await key_of(services, demo)).id, "default")
        assert (entry.actor_kind, entry.actor_id, entry.actor_name) == expected
        assert (entry.address, entry.request_id) == ("127.0.0.1", answer.headers["X-Request-Id"])


async def test_pulse_tells_of_invitations_and_not_of_their_acceptance(
    api: ApiClient, services: Services, demo: DemoApp
) -> None:
    client = as_pulse(api, demo.key)
    data = {"type": "users", "attributes": {"name": "New", "email": "new@example.org"}}
    made = await client.post(PULSE_USERS, {"data": data})
    path = f"{PULSE_USERS}/{made.json['data']['id']}/invite"
    assert (await client.post(path)).status == 200
    assert (await client.delete(path)).status == 200
    token = (await client.post(f"{path}?meta[invitation]=token")).json["data"]["meta"]["invitation"]["token"]
    attributes = {"token": token, "password": PASSWORD}
    accepted = await as_pulse(api, None).post(
        "/auth/accept_invitation", {"data": {"type": "identity", "attributes": attributes}}
    )
    assert accepted.status == 200, accepted.json
    words = ("user_invited", "invitation_revoked", "user_invited")
    assert await told(services) == [(word, "new") for word in words]
    assert token not in str(await trail(services))


async def test_the_panel_tells_of_passwords_administrators_and_deletions(
    api: ApiClient, services: Services, demo: DemoApp, anna: int
) -> None:
    body = {"username": "anna", "email": "anna@example.org", "first_name": "A", "last_name": "B"}
    changed = await api.patch(f"{PANEL_USERS}/{anna}", {**body, "root_admin": True, "password": PASSWORD})
    assert changed.status == 200, changed.json
    assert await told(services) == [("role_given", "anna"), ("password_set", "anna")]
    assert await is_told_of_the_key(services, demo, changed, "password_set")
    deleted = await api.delete(f"{PANEL_USERS}/{anna}")
    assert await is_told_of_the_key(services, demo, deleted, "user_deleted")
    assert PASSWORD not in str(await trail(services))


async def test_behind_a_proxy_of_ours_it_is_the_clients_address(make_settings: MakeSettings) -> None:
    async with serving(make_settings(trusted_proxies=1)) as (anybody, services):
        _, key = await services.apps.create("shop", None)
        await make_user(services, "shop", "anna@example.org")
        api = anybody.speaking_as(key)
        headers = {"X-Forwarded-For": "203.0.113.9, 198.51.100.4"}
        assert (await api.post("/v1/shop/users/anna/deactivate", headers=headers)).status == 200
        assert (await trail(services, app_id="shop"))[-1].address == "198.51.100.4"
        # what a proxy of ours would never have said: it is done, and told in plain letters
        answer = await send(api, "POST /v1/shop/users/anna/reactivate\nX-Forwarded-For: \xff\xfe")
        assert answer.status == 200, answer.json
        entry = (await trail(services, app_id="shop"))[-1]
        assert (entry.action, entry.address.isprintable()) == ("user_reactivated", True)


async def test_requests_over_one_connection_are_each_their_own_callers(
    api: ApiClient, services: Services, demo: DemoApp
) -> None:
    _, key = await services.apps.create_key("demo", "other", ALL_SCOPES, (), None)
    async with ClientSession() as session:
        one = ApiClient(session, api.url, api.headers)
        await one.post(f"{ANNA}/deactivate")
        await one.speaking_as(key).post(f"{ANNA}/reactivate")
        await one.post(f"{ANNA}/deactivate")
    names = [entry.actor_name for entry in (await trail(services))[-3:]]
    assert names == ["default", "other", "default"]
