"""Why a user is shown as they are: the rule that decided, all that went into it, and what comes next."""

from __future__ import annotations

from typing import Any

import pytest

from chatsrv.domain.apps import ALL_SCOPES, Scope
from chatsrv.domain.clock import Clock
from chatsrv.domain.instants import from_text, to_text
from chatsrv.domain.presence_input import read_claim
from chatsrv.domain.sessions import Departure
from chatsrv.services import Services
from tests.api.native.people import USERS, add, as_user, come_online, end_the_hold, pass_time
from tests.api.native.refusals import refused
from tests.client import ApiClient

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

ONE = f"{USERS}/anna"
ANNAS = f"{ONE}/presence"


@pytest.fixture(autouse=True)
async def anna(api: ApiClient, services: Services, clock: Clock) -> None:
    """She is offline, in a keyspace that is no longer new."""
    await add(api, "anna", "bert")
    await end_the_hold(services, clock)


async def explained(api: ApiClient) -> dict[str, Any]:
    answer = await api.get(f"{ANNAS}/explain")
    assert answer.status == 200, answer.json
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["presence"] == (await api.get(ANNAS)).json
    assert answer.json["sessions"] == (await api.get(f"{ONE}/sessions")).json
    assert answer.json["because"]
    return dict(answer.json)


async def claim(api: ApiClient, **fields: Any) -> None:
    answer = await api.put(ANNAS, fields)
    assert answer.status == 200, answer.json


def in_seconds(clock: Clock, seconds: float) -> str:
    return to_text(clock.now() + int(seconds * 1000))


def milliseconds(begin: str, end: str) -> int:
    return from_text(end) - from_text(begin)


# The rules


async def test_somebody_who_was_never_here_has_no_session_and_nothing_else(api: ApiClient) -> None:
    found = await explained(api)
    assert (found["username"], found["rule"]) == ("anna", "no_session")
    assert found["presence"] == found["to_others"]
    assert [found[name] for name in ("sessions", "nodes", "claims", "timers")] == [[], [], [], []]


async def test_without_a_session_no_claim_decides(api: ApiClient) -> None:
    await claim(api, status="dnd")
    found = await explained(api)
    assert (found["rule"], found["presence"]["presence_status"]) == ("no_session", 0)
    assert [one["status"] for one in found["claims"]] == [4]


async def test_an_active_session_makes_online(api: ApiClient, services: Services) -> None:
    idle, _ = await come_online(services, "anna"), await come_online(services, "anna")
    await services.presence.touch(idle, active=False)
    found = await explained(api)
    assert (found["rule"], found["presence"]["presence_status"]) == ("active_session", 1)
    assert sorted(one["state"] for one in found["sessions"]) == ["active", "idle"]


async def test_idle_sessions_alone_make_away(api: ApiClient, services: Services) -> None:
    await services.presence.touch(await come_online(services, "anna"), active=False)
    await services.presence.touch(await come_online(services, "anna"), active=True, background=True)
    found = await explained(api)
    assert (found["rule"], found["presence"]["presence_status"]) == ("idle_sessions", 3)


async def test_a_claim_decides_and_the_one_that_counts_wins(api: ApiClient, services: Services) -> None:
    await come_online(services, "anna")
    for source, status in (("external", 3), ("manual", 4), ("calendar", 3)):
        await claim(api, status=status, source=source, text=source, emoji="🌴")
    found = await explained(api)
    assert (found["rule"], found["presence"]["presence_status"]) == ("claim", 4)
    assert found["to_others"] == found["presence"]
    assert [one["source"] for one in found["claims"]] == ["external", "manual", "calendar"]
    assert [one["wins"] for one in found["claims"]] == [False, True, False]
    assert len({one["id"] for one in found["claims"]}) == 3
    winner = found["claims"][1]
    assert (winner["status"], winner["text"], winner["emoji"], winner["expires_at"]) == (4, "manual", "🌴", None)


async def test_a_claim_of_words_alone_leaves_the_rule_to_the_sessions(api: ApiClient, services: Services) -> None:
    await services.presence.touch(await come_online(services, "anna"), active=False)
    await claim(api, text="at lunch")
    found = await explained(api)
    assert (found["rule"], found["presence"]["presence_status"]) == ("idle_sessions", 3)
    assert [(one["status"], one["text"]) for one in found["claims"]] == [(None, "at lunch")]


async def test_whoever_is_invisible_is_one_thing_in_truth_and_another_to_others(
    api: ApiClient, services: Services
) -> None:
    await come_online(services, "anna")
    await claim(api, status="invisible")
    found = await explained(api)
    assert found["rule"] == "invisible"
    assert (found["presence"]["presence_status"], found["to_others"]["presence_status"]) == (2, 0)
    bert = await as_user(api, "bert")
    assert found["to_others"] == (await bert.get(ANNAS)).json


# What goes into it


async def test_each_node_that_holds_a_session_is_told_once_with_its_lease(
    api: ApiClient, services: Services, clock: Clock
) -> None:
    await come_online(services, "anna")
    await come_online(services, "anna")
    found = await explained(api)
    [node] = found["nodes"]
    assert {one["node"] for one in found["sessions"]} == {node["id"]}
    assert from_text(node["lease_ends_at"]) > clock.now()
    await pass_time(services, clock, 5)
    [renewed] = (await explained(api))["nodes"]
    assert renewed["lease_ends_at"] > node["lease_ends_at"]


async def test_a_heartbeat_is_a_session_of_no_node(api: ApiClient) -> None:
    await claim(api, ttl=60)
    found = await explained(api)
    assert (found["rule"], found["nodes"]) == ("active_session", [])
    assert [(one["id"], one["node"]) for one in found["sessions"]] == [("heartbeat", None)]


async def test_a_claim_that_has_ended_counts_until_the_sweep_as_the_presence_says(
    api: ApiClient, services: Services, clock: Clock
) -> None:
    await come_online(services, "anna")
    await claim(api, status="away", text="stays")
    await claim(api, status="dnd", text="ends", expires_at=in_seconds(clock, 60))
    assert [one["wins"] for one in (await explained(api))["claims"]] == [False, True]
    clock.advance(61)
    found = await explained(api)
    assert found["presence"]["text"] == "ends"
    assert [one["text"] for one in found["claims"] if one["wins"]] == ["ends"]
    await pass_time(services, clock, 0)
    found = await explained(api)
    assert found["presence"]["text"] == "stays"
    assert [(one["text"], one["wins"]) for one in found["claims"]] == [("stays", True)]


async def test_a_claim_that_can_never_show_again_is_not_kept(api: ApiClient, services: Services, clock: Clock) -> None:
    await come_online(services, "anna")
    for text, seconds in (("first", 600), ("second", 60), ("third", 300)):
        await claim(api, status="dnd", text=text, expires_at=in_seconds(clock, seconds))
    await claim(api, status="dnd", text="other", source="call", expires_at=in_seconds(clock, 900))
    assert [one["text"] for one in (await explained(api))["claims"]] == ["first", "third", "other"]


async def test_of_too_many_claims_the_oldest_give_way(api: ApiClient, services: Services, clock: Clock) -> None:
    most = services.settings.claims_max
    for nth in range(most + 3):
        await claim(api, status="dnd", text=str(nth), expires_at=in_seconds(clock, 6000 - nth * 100))
    assert [one["text"] for one in (await explained(api))["claims"]] == [str(nth) for nth in range(3, most + 3)]


# What comes next


async def test_a_node_must_beat_before_its_lease_is_over(api: ApiClient, services: Services) -> None:
    await come_online(services, "anna")
    await come_online(services, "anna")
    found = await explained(api)
    [node] = found["nodes"]
    assert found["timers"] == [{"what": "node_dead_unless_it_beats", "of": node["id"], "at": node["lease_ends_at"]}]


async def test_a_session_in_its_grace_ends_with_it(api: ApiClient, services: Services) -> None:
    session = await come_online(services, "anna")
    await services.presence.close(session, Departure.LOST)
    found = await explained(api)
    assert (found["rule"], found["sessions"][0]["state"]) == ("active_session", "closing")
    [timer] = found["timers"]
    assert (timer["what"], timer["of"]) == ("session_ends", session)
    grace_ms = services.settings.grace_s * 1000
    assert milliseconds(found["presence"]["last_active_at"], timer["at"]) >= grace_ms


async def test_a_heartbeat_ends_with_its_life(api: ApiClient) -> None:
    await claim(api, ttl=60)
    found = await explained(api)
    [timer] = found["timers"]
    assert (timer["what"], timer["of"]) == ("session_ends", "heartbeat")
    assert milliseconds(found["sessions"][0]["last_active_at"], timer["at"]) == 60_000


async def test_claims_end_and_the_soonest_timer_comes_first(api: ApiClient, services: Services, clock: Clock) -> None:
    ends = {"external": 9000, "calendar": 600, "call": 3600}
    for source, seconds in ends.items():
        await claim(api, status="dnd", source=source, expires_at=in_seconds(clock, seconds))
    await claim(api, status="away", ttl=60)
    found = await explained(api)
    by_id = {one["id"]: one for one in found["claims"]}
    assert [timer["what"] for timer in found["timers"]] == ["session_ends", "claim_ends", "claim_ends", "claim_ends"]
    ending = [by_id[timer["of"]] for timer in found["timers"][1:]]
    assert [one["source"] for one in ending] == ["calendar", "call", "external"]
    assert [one["expires_at"] for one in ending] == [timer["at"] for timer in found["timers"][1:]]


async def test_a_claim_that_was_set_too_soon_after_others_begins_later(
    api: ApiClient, services: Services, clock: Clock
) -> None:
    session_id = await come_online(services, "anna")
    for nth in range(services.settings.presence_sets + 1):
        user = await services.users.find("demo", "anna")
        new = read_claim({"status": "dnd", "text": str(nth)}, f"id{nth}", clock.now())
        await services.claims.set_often(user, new, session_id)
    last = f"id{services.settings.presence_sets}"
    found = await explained(api)
    assert last not in [one["id"] for one in found["claims"]]
    begins = [timer["at"] for timer in found["timers"] if (timer["what"], timer["of"]) == ("claim_begins", last)]
    assert len(begins) == 1
    await pass_time(services, clock, services.settings.presence_sets_window_s)
    found = await explained(api)
    assert [one["id"] for one in found["claims"] if one["wins"]] == [last]
    assert "claim_begins" not in [timer["what"] for timer in found["timers"]]


# Who may ask


async def test_no_user_token_may_ask_not_even_for_its_own_user(api: ApiClient) -> None:
    for username in ("anna", "bert"):
        refused(await (await as_user(api, username)).get(f"{ANNAS}/explain"), 403, 40105)


async def test_a_key_needs_the_scope_to_read_presence(api: ApiClient, services: Services) -> None:
    for scopes, status in ((frozenset((Scope.PRESENCE_READ,)), 200), (ALL_SCOPES - {Scope.PRESENCE_READ}, 403)):
        _, key = await services.apps.create_key("demo", "test", scopes, (), None)
        assert (await api.speaking_as(key).get(f"{ANNAS}/explain")).status == status


async def test_nobody_is_not_explained_and_a_deactivated_user_is(api: ApiClient, services: Services) -> None:
    refused(await api.get(f"{USERS}/nobody/presence/explain"), 404, 40015)
    await come_online(services, "anna")
    await api.post(f"{ONE}/deactivate")
    assert (await explained(api))["rule"] == "no_session"
    await api.delete(ONE)
    refused(await api.get(f"{ANNAS}/explain"), 404, 40015)
