"""Whoever is invisible looks offline to everybody else, wherever one might look, and since the moment it was set."""

from __future__ import annotations

from typing import Any

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.instants import from_text
from chatsrv.domain.sessions import Departure
from chatsrv.services import Services
from tests.api.native.people import USERS, add, come_online, usernames
from tests.api.native.refusals import refused
from tests.client import ApiClient

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

CLOCKS = ("last_login_at", "last_active_at", "last_seen_at", "presence_changed_at")
FIELDS = f"fields=presence_status,text,emoji,devices,{','.join(CLOCKS)}"


@pytest.fixture
async def people(api: ApiClient, services: Services, clock: Clock) -> None:
    """Anna, Bert and Carl came online one after the other; the keyspace is no longer new."""
    await add(api, "anna", "bert", "carl")
    await services.upkeep.beat()
    clock.advance(services.settings.node_dead_s + 1)
    await services.upkeep.beat()
    for name in ("anna", "bert", "carl"):
        await come_online(services, name)
        clock.advance(1)


async def speaking_as(api: ApiClient, username: str) -> ApiClient:
    token = (await api.post(f"{USERS}/{username}/tokens")).json["token"]
    return api.speaking_as(token)


@pytest.fixture
async def anna(api: ApiClient, people: None) -> ApiClient:
    return await speaking_as(api, "anna")


@pytest.fixture
async def bert(api: ApiClient, people: None) -> ApiClient:
    return await speaking_as(api, "bert")


async def hide(api: ApiClient) -> None:
    answer = await api.put(f"{USERS}/anna/presence", {"status": "invisible"})
    assert (answer.status, answer.json["presence_status"]) == (200, 2)


async def everything(api: ApiClient, username: str = "anna") -> dict[str, Any]:
    """All that this caller is told of one user, in every place."""
    paths = {
        "user": f"{USERS}/{username}",
        "fields": f"{USERS}/{username}?{FIELDS}",
        "all fields": f"{USERS}/{username}?fields=*",
        "list": USERS,
        "page": f"{USERS}?presence=true",
        "page of fields": f"{USERS}?presence=true&{FIELDS}",
        "those online": f"{USERS}?presence=true&filter=presence_status:in:1;2;3;4",
        "those offline": f"{USERS}?presence=true&filter=presence_status:eq:0",
        "those not online": f"{USERS}?filter=presence_status:not_eq:1",
        "those invisible": f"{USERS}?filter=presence_status:eq:2",
        "by login": f"{USERS}?presence=true&sort=-last_login_at",
        "by login and cursor": f"{USERS}?presence=true&sort=last_login_at&cursor=",
        "counts": "/v1/demo/presence/counts",
        "presence": f"{USERS}/{username}/presence",
        "all presences": "/v1/demo/presence",
    }
    answers = {what: await api.get(path) for what, path in paths.items()}
    assert {what: answer.status for what, answer in answers.items()} == dict.fromkeys(answers, 200)
    seen = {what: answer.json for what, answer in answers.items()}
    seen |= {f"etag of {what}": answer.headers["ETag"] for what, answer in answers.items() if "ETag" in answer.headers}
    seen["query"] = (await api.post("/v1/demo/presence/query", {"usernames": [username, "bert"]})).json
    return seen


async def test_to_others_it_is_as_if_the_user_had_left(
    api: ApiClient, bert: ApiClient, anna: ApiClient, services: Services, clock: Clock
) -> None:
    await hide(anna)
    shown = (await bert.get(f"{USERS}/anna?{FIELDS}")).json
    assert (shown["presence_status"], shown["text"], shown["devices"]) == (0, None, [])
    assert shown["last_seen_at"] == shown["presence_changed_at"]
    assert usernames(await bert.get(f"{USERS}?filter=presence_status:eq:0")) == ["anna"]
    assert usernames(await bert.get(f"{USERS}?filter=presence_status:in:1;3")) == ["bert", "carl"]
    assert usernames(await bert.get(f"{USERS}?filter=presence_status:eq:2")) == []
    assert (await bert.get("/v1/demo/presence/counts")).json == {"online": 2, "away": 0, "dnd": 0, "total": 3}
    here = (await bert.get("/v1/demo/presence")).json
    assert [one["username"] for one in here["users"]] == ["bert", "carl"]
    refused(await bert.get(f"{USERS}/anna/presence/explain"), 403, 40105)
    refused(await bert.get(f"{USERS}/anna/sessions"), 403, 40105)
    refused(await anna.get(f"{USERS}/anna/presence/explain"), 403, 40105)


async def test_whatever_the_hidden_user_does_nobody_else_sees_a_byte_change(
    api: ApiClient, anna: ApiClient, bert: ApiClient, services: Services, clock: Clock
) -> None:
    await hide(anna)
    await services.clocks.flush()
    clock.advance(5)
    before = await everything(bert)
    await anna.put(f"{USERS}/anna/presence", {"status": "invisible", "text": "Working in secret", "emoji": "🤫"})
    second = await come_online(services, "anna")
    clock.advance(70)
    await services.presence.touch(second, active=False)
    await services.presence.touch(second, active=True)
    assert await everything(bert) == before
    await anna.delete(f"{USERS}/anna/sessions")
    await services.clocks.flush()
    assert await everything(bert) == before
    clock.advance(100)
    await come_online(services, "anna")
    await services.clocks.flush()
    assert await everything(bert) == before


async def test_the_user_and_server_keys_see_the_truth(
    api: ApiClient, anna: ApiClient, services: Services, clock: Clock
) -> None:
    await hide(anna)
    clock.advance(70)
    for caller in (api, anna):
        shown = (await caller.get(f"{USERS}/anna?{FIELDS}")).json
        assert (shown["presence_status"], shown["last_seen_at"], shown["devices"]) == (2, None, ["web"])
        assert usernames(await caller.get(f"{USERS}?filter=presence_status:eq:2")) == ["anna"]
        assert (await caller.get(f"{USERS}/anna/presence")).json["presence_status"] == 2
        assert "anna" in [one["username"] for one in (await caller.get("/v1/demo/presence")).json["users"]]
        queried = (await caller.post("/v1/demo/presence/query", {"usernames": ["anna"]})).json
        assert queried["users"][0]["presence_status"] == 2
        assert (await caller.get("/v1/demo/presence/counts")).json["online"] == 2
    explained = (await api.get(f"{USERS}/anna/presence/explain")).json
    assert (explained["rule"], explained["to_others"]["presence_status"]) == ("invisible", 0)


async def test_what_changed_since_tells_of_the_hiding_and_of_nothing_after_it(
    api: ApiClient, anna: ApiClient, bert: ApiClient, services: Services
) -> None:
    start = (await bert.get("/v1/demo/presence")).json
    await hide(anna)
    told = (await bert.get(f"/v1/demo/presence?since={start['epoch']}.{start['version']}")).json
    assert [(one["username"], one["presence_status"]) for one in told["changes"]] == [("anna", 0)]
    await anna.put(f"{USERS}/anna/presence", {"status": "invisible", "text": "still here"})
    again = (await bert.get(f"/v1/demo/presence?since={told['epoch']}.{told['version']}")).json
    assert (again["changes"], again["version"]) == ([], told["version"])


async def test_no_call_and_no_calendar_betrays_who_hides(
    api: ApiClient, anna: ApiClient, bert: ApiClient, services: Services
) -> None:
    await hide(anna)
    for source in ("call", "calendar", "external"):
        await api.put(f"{USERS}/anna/presence", {"status": "dnd", "text": "In a call", "source": source})
        shown = (await bert.get(f"{USERS}/anna?{FIELDS}")).json
        assert (shown["presence_status"], shown["text"]) == (0, None)
        assert (await anna.get(f"{USERS}/anna/presence")).json["presence_status"] == 2


async def test_coming_out_looks_like_coming_in(
    api: ApiClient, anna: ApiClient, bert: ApiClient, services: Services, clock: Clock
) -> None:
    """Others are not told that the user had been there all along."""
    hidden_login = (await bert.get(f"{USERS}/anna")).json["last_login_at"]
    await hide(anna)
    await anna.delete(f"{USERS}/anna/sessions")
    clock.advance(50)
    await come_online(services, "anna")
    assert (await bert.get(f"{USERS}/anna")).json["last_login_at"] == hidden_login
    clock.advance(50)
    await anna.put(f"{USERS}/anna/presence", {"status": "online"})
    shown = (await bert.get(f"{USERS}/anna?{FIELDS}")).json
    assert shown["presence_status"] == 1
    assert shown["last_login_at"] == shown["presence_changed_at"]
    truth = (await api.get(f"{USERS}/anna")).json["last_login_at"]
    assert from_text(truth) < from_text(shown["last_login_at"])


async def test_the_order_by_login_does_not_move_for_who_hides(
    api: ApiClient, anna: ApiClient, bert: ApiClient, services: Services, clock: Clock
) -> None:
    await hide(anna)
    await anna.delete(f"{USERS}/anna/sessions")
    clock.advance(20)
    await come_online(services, "anna")
    assert usernames(await bert.get(f"{USERS}?sort=-last_login_at")) == ["carl", "bert", "anna"]
    assert usernames(await api.get(f"{USERS}?sort=-last_login_at")) == ["anna", "carl", "bert"]
    login = (await api.get(f"{USERS}/anna")).json["last_login_at"]
    assert usernames(await bert.get(f"{USERS}?filter=last_login_at:gte:{login}")) == []
    assert usernames(await api.get(f"{USERS}?filter=last_login_at:gte:{login}")) == ["anna"]


async def test_who_left_unseen_was_last_seen_when_they_hid(
    api: ApiClient, anna: ApiClient, bert: ApiClient, services: Services, clock: Clock
) -> None:
    await hide(anna)
    seen = (await bert.get(f"{USERS}/anna?{FIELDS}")).json
    clock.advance(30)
    for session in (await api.get(f"{USERS}/anna/sessions")).json:
        await services.presence.close(session["id"], Departure.LOGOUT)
    await services.clocks.flush()
    assert (await bert.get(f"{USERS}/anna?{FIELDS}")).json == seen
    truth = (await api.get(f"{USERS}/anna?{FIELDS}")).json
    assert from_text(truth["last_seen_at"]) > from_text(seen["last_seen_at"])
