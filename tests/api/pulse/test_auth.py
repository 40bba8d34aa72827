"""Signing in and out, invitations, and the identity behind them."""

from __future__ import annotations

from typing import Any

import pytest

from chatsrv.api.pulse.ids import account_id
from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import SERVER
from chatsrv.services import Services
from tests.api.pulse.people import PASSWORD, USERS, add, as_person, as_pulse, document, id_of, names, refused
from tests.client import Answer, ApiClient

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

IDENTITY = "/api/v1/identity"
SWITCH = "/api/v1/switch_accounts"


def identity(**attributes: Any) -> dict[str, Any]:
    return document("identity", **attributes)


def signed_in(api: ApiClient, answer: Answer) -> ApiClient:
    """Whoever the answer let in."""
    assert answer.status == 200, answer.body
    scheme, _, token = answer.headers["Authorization"].partition(" ")
    assert scheme == "Bearer"
    return as_pulse(api, token)


async def make(services: Services, app_id: str, username: str, email: str, password: str | None = PASSWORD) -> str:
    values = {"username": username, "name": username.title(), "email": email}
    return (await services.users.create(app_id, values, SERVER, password)).user.uuid


async def test_a_sign_in_answers_the_identity_and_its_token_works_until_the_sign_out(
    pulse: ApiClient, services: Services
) -> None:
    anna = await make(services, "demo", "anna", "anna@mail.test")
    nobody = as_pulse(pulse, None)
    answer = await nobody.post("/auth/signin", identity(email="ANNA@mail.test", password=PASSWORD))
    assert answer.json["data"]["attributes"] == {
        "email": "anna@mail.test",
        "accounts": [{"name": "demo", "user": {"id": anna, "name": "Anna"}}],
    }
    bearer = signed_in(pulse, answer)
    assert (await bearer.get(IDENTITY)).json == answer.json
    assert names(await bearer.get(USERS)) == ["Anna"]
    out = await bearer.delete("/auth/signout")
    assert (out.status, out.body) == (204, b"")
    refused(await bearer.get(IDENTITY), 401)
    refused(await bearer.delete("/auth/signout"), 401)


async def test_the_document_of_a_sign_in_may_be_wrapped_once_more(pulse: ApiClient, services: Services) -> None:
    await make(services, "demo", "anna", "anna@mail.test")
    body = {"data": identity(email="anna@mail.test", password=PASSWORD)}
    signed_in(pulse, await as_pulse(pulse, None).post("/auth/signin/", body))


async def test_a_sign_in_that_fails(pulse: ApiClient, services: Services, clock: Clock) -> None:
    await make(services, "demo", "anna", "anna@mail.test")
    nobody = as_pulse(pulse, None)
    for attributes in (
        {"email": "anna@mail.test", "password": "wrong horse"},
        {"email": "ben@mail.test", "password": PASSWORD},
        {"email": "anna@mail.test"},
        {"email": ["anna@mail.test"], "password": {"a": 1}},
        {},
    ):
        [error] = refused(await nobody.post("/auth/signin", identity(**attributes)), 401)
        assert error["code"] == "unauthorized"
    clock.advance(20)
    refused(await nobody.post("/auth/signin", document("users", email="a", password="b")), 409, "/data/type")
    refused(await nobody.post("/auth/signin", identity(name="x")), 422, "/data/attributes/name")
    answer = await nobody.post("/auth/signin", identity(), headers={"Content-Type": "application/json"})
    refused(answer, 415)
    refused(await nobody.post("/auth/signin", data=b"{"), 400)


async def test_one_identity_works_in_one_account_at_a_time(pulse: ApiClient, services: Services) -> None:
    await services.apps.create("other", None)
    demo, other = account_id("demo"), account_id("other")
    await make(services, "demo", "anna", "anna@mail.test")
    await add(pulse, "Ben")
    invited = await services.newcomers.create("other", {"name": "Anna O", "email": "anna@mail.test"}, SERVER)
    _, token = await services.invitations.invite("other", invited.user.id, SERVER, with_token=True)
    answer = await as_pulse(pulse, None).post("/auth/accept_invitation", identity(token=token, password=PASSWORD))
    bearer = signed_in(pulse, answer)
    assert [one["name"] for one in answer.json["data"]["attributes"]["accounts"]] == ["demo", "other"]
    linkage = answer.json["data"]["relationships"]["accounts"]["data"]
    assert linkage == [{"type": "account", "id": demo}, {"type": "account", "id": other}]
    assert names(await bearer.get(USERS)) == ["Anna O"]
    refused(await bearer.get(f"/api/v1/accounts/{demo}"), 404)
    for kind in ("account", "accounts", "switch_accounts"):
        switched = await bearer.post(SWITCH, {"data": {"id": demo, "type": kind}})
        assert switched.json["data"]["id"] == answer.json["data"]["id"]
    assert names(await bearer.get(USERS)) == ["Anna", "Ben"]
    assert (await bearer.get(f"/api/v1/accounts/{demo}")).json["data"]["attributes"]["name"] == "demo"
    await services.accounts.deactivate("demo", "anna", SERVER)
    refused(await bearer.get(USERS), 401)


async def test_nobody_switches_to_an_account_that_is_not_theirs(
    pulse: ApiClient, api: ApiClient, services: Services
) -> None:
    await services.apps.create("other", None)
    anna, _ = await as_person(services, api, "anna")
    ids: tuple[Any, ...] = (account_id("other"), account_id("nowhere"), "1", 7, {})
    for id_ in ids:
        refused(await anna.post(SWITCH, {"data": {"id": id_, "type": "account"}}), 404)
    refused(await anna.post(SWITCH, {"data": {"type": "account"}}), 422, "/data/id")
    refused(await anna.post(SWITCH, {"data": {"type": "user", "id": account_id("demo")}}), 409, "/data/type")
    refused(await pulse.post(SWITCH, {"data": {"id": account_id("demo"), "type": "account"}}), 403)


async def test_people_change_their_own_email_and_password(api: ApiClient, services: Services) -> None:
    anna, _ = await as_person(services, api, "anna")
    await as_person(services, api, "ben")
    answer = await anna.put(IDENTITY, identity(email="Anna@Mail.test", password="another horse"))
    assert answer.json["data"]["attributes"]["email"] == "Anna@Mail.test"
    again = await as_pulse(api, None).post("/auth/signin", identity(email="anna@mail.test", password="another horse"))
    assert again.status == 200
    bad: list[tuple[dict[str, Any], str, str]] = [
        ({"password": "1234567"}, "password", "too_short"),
        ({"password": None}, "password", "invalid"),
        ({"email": "nothing"}, "email", "invalid"),
        ({"email": None}, "email", "blank"),
        ({"email": "ben@mail.test"}, "email", "invalid"),
        ({"name": "Anna"}, "name", "unknown"),
    ]
    for attributes, name, code in bad:
        [error] = refused(await anna.patch(IDENTITY, identity(**attributes)), 422, f"/data/attributes/{name}")
        assert (error["code"], error["meta"]["attribute"]) == (code, name)


async def test_a_server_key_is_nobody(pulse: ApiClient) -> None:
    refused(await pulse.get(IDENTITY), 403)
    refused(await pulse.put(IDENTITY, identity(email="a@b.test")), 403)
    refused(await pulse.delete("/auth/signout"), 403)


async def test_an_invitation_is_accepted_once(pulse: ApiClient, services: Services) -> None:
    anna = await add(pulse, "Anna", email="anna@mail.test")
    answer = await pulse.post(f"{USERS}/{anna}/invite?meta[invitation]=token")
    token = answer.json["data"]["meta"]["invitation"]["token"]
    nobody = as_pulse(pulse, None)
    accept = "/auth/accept_invitation"
    refused(await nobody.post(accept, identity(token=token, password="short")), 422, "/data/attributes/password")
    bearer = signed_in(pulse, await nobody.post(accept, identity(token=token, password=PASSWORD)))
    assert (await bearer.get(f"{USERS}/{anna}")).json["data"]["attributes"]["status"] == "active"
    refused(await nobody.post(accept, identity(token=token, password=PASSWORD)), 422, "/data/attributes/token")
    refused(await nobody.post(accept, identity()), 422, "/data/attributes/token")


async def test_only_a_backend_that_asks_for_it_gets_an_invitations_token(
    pulse: ApiClient, api: ApiClient, services: Services
) -> None:
    boss, _ = await as_person(services, api, "boss", role="admin")
    for who, query in ((boss, "?meta[invitation]=token"), (pulse, ""), (pulse, "?meta[permissions]=actions")):
        id_ = await add(who, "Anna")
        await who.patch(f"{USERS}/{id_}", document("users", email=f"{id_}@mail.test"))
        answer = await who.post(f"{USERS}/{id_}/invite{query}")
        assert id_of(answer) == id_
        assert "invitation" not in answer.json["data"].get("meta", {})


async def test_a_token_for_sockets_is_no_bearer_here(pulse: ApiClient, services: Services) -> None:
    await make(services, "demo", "anna", "anna@mail.test")
    token = (await pulse.post("/v1/demo/users/anna/tokens", headers={"Content-Type": "application/json"})).json["token"]
    refused(await as_pulse(pulse, token).get(USERS), 401)
