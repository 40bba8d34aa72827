"""HTTP heartbeats: being here for a while without a socket."""

from __future__ import annotations

from typing import Any

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.sessions import Departure
from chatsrv.services import Services
from tests.api.native.people import USERS, add, as_user, come_online, end_the_hold, pass_time, version_of
from tests.api.native.refusals import refused
from tests.client import ApiClient

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

ONE = f"{USERS}/anna"
ANNAS, SESSIONS = f"{ONE}/presence", f"{ONE}/sessions"
OFFLINE, ONLINE, AWAY, DND = 0, 1, 3, 4


@pytest.fixture(autouse=True)
async def anna(api: ApiClient, services: Services, clock: Clock) -> None:
    """She has never been here, in a keyspace that is no longer new."""
    await add(api, "anna", "bert")
    await end_the_hold(services, clock)


async def beat(api: ApiClient, ttl: Any = 60, **claim: Any) -> dict[str, Any]:
    """The presence after it, which is what a GET answers too."""
    answer = await api.put(ANNAS, {"ttl": ttl, **claim})
    assert answer.status == 200, answer.json
    assert answer.json == await presence(api)
    return dict(answer.json)


async def presence(api: ApiClient) -> dict[str, Any]:
    return dict((await api.get(ANNAS)).json)


async def status(api: ApiClient) -> int:
    return int((await presence(api))["presence_status"])


async def sessions(api: ApiClient) -> list[str]:
    return [one["id"] for one in (await api.get(SESSIONS)).json]


async def life_ms(services: Services) -> int:
    """From the beat to the end of the heartbeat, if no other comes."""
    explained = await services.explain.explain(await services.users.find("demo", "anna"))
    [session], [timer] = explained.sessions, explained.timers
    assert (timer.what, timer.of) == ("session_ends", "heartbeat")
    return timer.at - session.last_active_at


async def test_a_heartbeat_is_a_session_of_a_bot_without_a_node(api: ApiClient) -> None:
    shown = await beat(api)
    assert (shown["presence_status"], shown["devices"], shown["last_seen_at"]) == (ONLINE, ["bot"], None)
    [session] = (await api.get(SESSIONS)).json
    assert session.pop("connected_at") == session.pop("last_active_at") == shown["last_login_at"]
    assert session == {
        "id": "heartbeat",
        "client_id": "",
        "device": "bot",
        "state": "active",
        "background": False,
        "node": None,
        "transport": "http",
        "address": "127.0.0.1",
    }
    assert (await api.get("/v1/demo/presence/counts")).json["online"] == 1
    found = await api.get(f"{USERS}?presence=true&filter=presence_status:eq:1")
    assert [user["username"] for user in found.json["users"]] == ["anna"]


@pytest.mark.parametrize(("ttl", "seconds"), [(30, 30), (31, 31), (600, 600), (True, 90)])
async def test_it_lives_for_the_seconds_that_it_names(
    api: ApiClient, services: Services, ttl: Any, seconds: int
) -> None:
    await beat(api, ttl)
    assert await life_ms(services) == seconds * 1000


@pytest.mark.parametrize("ttl", [29, 601, 0, -60, False, 60.0, 60.5, "60", "", [], [60], {}, 10**30])
async def test_another_life_is_refused(api: ApiClient, ttl: Any) -> None:
    refused(await api.put(ANNAS, {"ttl": ttl}), 400, 40003, "ttl")
    refused(await api.put(ANNAS, {"ttl": ttl, "status": "dnd"}), 400, 40003, "ttl")
    assert await sessions(api) == []
    assert await status(api) == OFFLINE


async def test_it_is_over_with_its_life_and_no_grace_is_added(api: ApiClient, services: Services, clock: Clock) -> None:
    await beat(api, 60)
    await pass_time(services, clock, 45)
    assert await status(api) == ONLINE
    await pass_time(services, clock, 15)
    assert (await status(api), await sessions(api)) == (OFFLINE, [])


async def test_each_beat_begins_its_life_anew(api: ApiClient, services: Services, clock: Clock) -> None:
    for _ in range(3):
        await beat(api, 60)
        await pass_time(services, clock, 45)
        assert await status(api) == ONLINE
    await beat(api, 600)
    await beat(api, 30)
    await pass_time(services, clock, 30)
    assert await status(api) == OFFLINE


async def test_renewing_it_is_no_change_to_others(api: ApiClient, services: Services, clock: Clock) -> None:
    await beat(api, 60)
    before = await version_of(api)
    for _ in range(3):
        await pass_time(services, clock, 45)
        await beat(api, 60)
    assert await version_of(api) == before
    await pass_time(services, clock, 60)
    assert await version_of(api) == before + 1


async def test_login_moves_at_the_first_beat_and_activity_at_each(
    api: ApiClient, services: Services, clock: Clock
) -> None:
    first = await beat(api, 60)
    assert first["last_login_at"] == first["last_active_at"] == first["presence_changed_at"]
    clock.advance(45)
    second = await beat(api, 60)
    assert second["last_login_at"] == first["last_login_at"]
    assert second["last_active_at"] > first["last_active_at"]
    assert second["presence_changed_at"] == first["presence_changed_at"]
    [session] = (await api.get(SESSIONS)).json
    assert (session["connected_at"], session["last_active_at"]) == (first["last_login_at"], second["last_active_at"])
    await pass_time(services, clock, 61)
    assert (await beat(api, 60))["last_login_at"] > second["last_active_at"]


async def test_whoever_fell_silent_was_last_seen_at_their_last_beat(
    api: ApiClient, services: Services, clock: Clock
) -> None:
    await beat(api, 60)
    clock.advance(45)
    last = await beat(api, 60)
    await pass_time(services, clock, 300)
    gone = await presence(api)
    assert gone["last_seen_at"] == gone["last_active_at"] == last["last_active_at"]
    assert gone["presence_changed_at"] > gone["last_seen_at"]
    assert gone["devices"] == []


async def test_it_needs_no_node_that_lives(api: ApiClient, services: Services, clock: Clock) -> None:
    await beat(api, 600)
    await pass_time(services, clock, services.settings.node_dead_s * 5)
    await services.upkeep.reconcile()
    assert (await status(api), await sessions(api)) == (ONLINE, ["heartbeat"])


# Together with other things


async def test_a_claim_may_come_along_and_a_beat_alone_leaves_it(
    api: ApiClient, services: Services, clock: Clock
) -> None:
    shown = await beat(api, 60, status="dnd", text="working", emoji="🤖")
    assert (shown["presence_status"], shown["text"], shown["emoji"]) == (DND, "working", "🤖")
    assert (await beat(api, 60))["text"] == "working"
    await pass_time(services, clock, 61)
    assert await status(api) == OFFLINE
    assert (await beat(api, 60))["presence_status"] == DND


async def test_plain_online_may_come_along_and_takes_manual_claims_back(api: ApiClient) -> None:
    await api.put(ANNAS, {"status": "dnd"})
    assert (await beat(api, 60, status="online"))["presence_status"] == ONLINE


async def test_a_heartbeat_counts_as_one_active_session_beside_others(
    api: ApiClient, services: Services, clock: Clock
) -> None:
    socket = await come_online(services, "anna")
    await services.presence.touch(socket, active=False)
    assert await status(api) == AWAY
    shown = await beat(api, 60)
    assert (shown["presence_status"], shown["devices"]) == (ONLINE, ["bot", "web"])
    assert await sessions(api) == [socket, "heartbeat"]
    await pass_time(services, clock, 61)
    assert (await status(api), await sessions(api)) == (AWAY, [socket])


async def test_its_end_is_no_change_to_others_while_a_socket_is_there(
    api: ApiClient, services: Services, clock: Clock
) -> None:
    await come_online(services, "anna")
    before = await version_of(api)
    await beat(api, 60)
    await pass_time(services, clock, 61)
    assert (await version_of(api), await status(api)) == (before, ONLINE)


async def test_a_socket_that_goes_leaves_the_heartbeat(api: ApiClient, services: Services) -> None:
    await beat(api, 60)
    socket = await come_online(services, "anna")
    await services.presence.close(socket, Departure.LOGOUT)
    assert (await status(api), await sessions(api)) == (ONLINE, ["heartbeat"])


async def test_sockets_do_not_replace_it_nor_crowd_it_out(api: ApiClient, services: Services, clock: Clock) -> None:
    await services.apps.change_setting("demo", "sessions_per_user", "2")
    clock.advance(1)
    await beat(api, 60)
    sockets = [await come_online(services, "anna") for _ in range(3)]
    assert set(await sessions(api)) == {"heartbeat", *sockets[1:]}


# Ended early


async def test_delete_ends_it_at_once_with_the_claims(api: ApiClient) -> None:
    await beat(api, 60, status="dnd")
    answer = await api.delete(ANNAS)
    assert answer.status == 200
    assert (answer.json["presence_status"], answer.json["devices"]) == (OFFLINE, [])
    assert answer.json["last_seen_at"] >= answer.json["last_active_at"]
    assert await sessions(api) == []
    assert (await beat(api, 60))["presence_status"] == ONLINE


async def test_delete_ends_no_socket(api: ApiClient, services: Services) -> None:
    socket = await come_online(services, "anna")
    await beat(api, 60)
    assert (await api.delete(ANNAS)).json["presence_status"] == ONLINE
    assert await sessions(api) == [socket]


@pytest.mark.parametrize("path", [f"{SESSIONS}/heartbeat", SESSIONS])
async def test_it_is_signed_out_like_any_session(api: ApiClient, path: str) -> None:
    await beat(api, 60)
    assert (await api.delete(path)).status == 204
    assert (await status(api), await sessions(api)) == (OFFLINE, [])
    refused(await api.delete(f"{SESSIONS}/heartbeat"), 404, 40400)


@pytest.mark.parametrize(("method", "path"), [("POST", f"{ONE}/deactivate"), ("DELETE", f"{ONE}/tokens")])
async def test_it_ends_with_the_account_and_with_the_tokens(api: ApiClient, method: str, path: str) -> None:
    await beat(api, 60)
    assert (await api.request(method, path)).status in (200, 204)
    assert (await status(api), await sessions(api)) == (OFFLINE, [])


async def test_a_deleted_user_beats_no_more(api: ApiClient) -> None:
    await beat(api, 60)
    await api.delete(ONE)
    refused(await api.put(ANNAS, {"ttl": 60}), 404, 40015)
    await add(api, "anna")
    assert (await presence(api))["last_seen_at"] is None
    assert (await api.get("/v1/demo/presence/counts")).json["online"] == 0


async def test_a_user_may_send_its_own_heartbeat_alone(api: ApiClient) -> None:
    anna, bert = await as_user(api, "anna"), await as_user(api, "bert")
    assert (await beat(anna, 60))["presence_status"] == ONLINE
    refused(await bert.put(ANNAS, {"ttl": 60}), 403, 40105)
    refused(await bert.delete(ANNAS), 403, 40105)
    assert await status(bert) == ONLINE
