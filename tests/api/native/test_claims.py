"""Claims over REST: which one counts, until when, and what may be claimed by whom."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from chatsrv.domain.apps import ALL_SCOPES, Scope
from chatsrv.domain.clock import Clock
from chatsrv.domain.instants import to_text
from chatsrv.domain.sessions import Departure
from chatsrv.services import Services
from tests.api.native.people import USERS, add, as_user, come_online, end_the_hold, pass_time, version_of
from tests.api.native.refusals import refused
from tests.client import ApiClient

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

ANNAS = f"{USERS}/anna/presence"
OFFLINE, ONLINE, AWAY, DND = 0, 1, 3, 4
LEVELS = [("call", "manual"), *product(("call", "manual"), ("calendar", "external"))]
EQUALS = [("call", "call"), ("manual", "manual"), ("calendar", "calendar"), ("external", "external")]
EQUALS += [("calendar", "external"), ("external", "calendar")]


@pytest.fixture
async def session(api: ApiClient, services: Services, clock: Clock) -> str:
    """Of Anna, who is online."""
    await add(api, "anna", "bert")
    await end_the_hold(services, clock)
    return await come_online(services, "anna")


class Anna:
    """Claims for Anna, with ends counted from now, and what she shows then."""

    def __init__(self, api: ApiClient, services: Services, clock: Clock) -> None:
        self.api, self.services, self.clock = api, services, clock

    async def claims(self, status: Any = None, *, ends_in: float | None = None, **fields: Any) -> dict[str, Any]:
        """What the PUT answers; it is what a GET answers then."""
        body = {"status": status, **fields}
        if ends_in is not None:
            body["expires_at"] = to_text(self.clock.now() + int(ends_in * 1000))
        answer = await self.api.put(ANNAS, {name: value for name, value in body.items() if value is not None})
        assert answer.status == 200, answer.json
        assert answer.json == await self.presence()
        return dict(answer.json)

    async def presence(self) -> dict[str, Any]:
        answer = await self.api.get(ANNAS)
        assert answer.status == 200, answer.json
        return dict(answer.json)

    async def shows(self) -> tuple[int, str | None]:
        presence = await self.presence()
        return presence["presence_status"], presence["text"]

    async def shows_after(self, seconds: float) -> tuple[int, str | None]:
        await pass_time(self.services, self.clock, seconds)
        return await self.shows()


@pytest.fixture
def anna(api: ApiClient, services: Services, clock: Clock, session: str) -> Anna:
    return Anna(api, services, clock)


# What counts


async def test_a_claim_is_what_everybody_sees(anna: Anna) -> None:
    claimed = await anna.claims("dnd", text="in a meeting", emoji="📅", ends_in=600)
    assert (claimed["presence_status"], claimed["text"], claimed["emoji"]) == (DND, "in a meeting", "📅")
    assert claimed["expires_at"] is not None
    assert (claimed["last_seen_at"], claimed["devices"]) == (None, ["web"])
    bert = await as_user(anna.api, "bert")
    assert (await bert.get(ANNAS)).json == claimed
    queried = (await bert.post("/v1/demo/presence/query", {"usernames": ["anna"]})).json
    assert queried["users"] == [claimed]
    assert (await bert.get("/v1/demo/presence/counts")).json == {"online": 0, "away": 0, "dnd": 1, "total": 2}
    fields = (await bert.get(f"{USERS}/anna?fields=presence_status,text")).json
    assert fields == {"presence_status": DND, "text": "in a meeting"}


@pytest.mark.parametrize(("higher", "lower"), LEVELS)
async def test_the_higher_level_counts_whichever_was_set_first(anna: Anna, higher: str, lower: str) -> None:
    for order in ((higher, lower), (lower, higher)):
        for source in order:
            await anna.claims("dnd" if source == higher else "away", source=source, text=source)
        assert await anna.shows() == (DND, higher)
        await anna.api.delete(ANNAS)


@pytest.mark.parametrize(("older", "newer"), EQUALS)
async def test_inside_a_level_the_newest_counts(anna: Anna, older: str, newer: str) -> None:
    assert (await anna.claims("dnd", source=older))["presence_status"] == DND
    assert (await anna.claims("away", source=newer))["presence_status"] == AWAY


async def test_a_claim_without_a_source_is_manual(anna: Anna) -> None:
    await anna.claims("dnd")
    await anna.claims("away", source="calendar")
    assert await anna.shows() == (DND, None)
    await anna.claims("away", source="manual")
    assert await anna.shows() == (AWAY, None)


async def test_when_a_claim_ends_the_one_below_it_shows_again(anna: Anna) -> None:
    await anna.claims("dnd", text="for good", source="calendar")
    await anna.claims("away", text="an hour", ends_in=3600)
    await anna.claims("dnd", text="ten minutes", ends_in=600)
    await anna.claims("online", text="on the phone", source="call", ends_in=60)
    assert await anna.shows() == (ONLINE, "on the phone")
    assert await anna.shows_after(61) == (DND, "ten minutes")
    assert await anna.shows_after(600) == (AWAY, "an hour")
    assert await anna.shows_after(3600) == (DND, "for good")


async def test_an_end_is_a_change_that_others_are_told(anna: Anna) -> None:
    # sooner than the lease: a node that registers its sockets again folds anew for another reason
    seconds = anna.services.settings.node_dead_s - 2
    await anna.claims("dnd", text="soon over", ends_in=seconds)
    before = (await anna.api.post("/v1/demo/presence/query", {"usernames": ["anna"]})).json
    assert await anna.shows_after(seconds) == (ONLINE, None)
    since = f"{before['epoch']}.{before['version']}"
    changed = (await anna.api.get(f"/v1/demo/presence?since={since}")).json["changes"]
    assert [(one["username"], one["presence_status"], one["text"]) for one in changed] == [("anna", ONLINE, None)]
    assert changed[0]["changed_at"] > before["users"][0]["presence_changed_at"]


async def test_what_ends_unseen_changes_nothing(anna: Anna) -> None:
    await anna.claims("away", source="external", ends_in=60)
    await anna.claims("dnd", source="call")
    before = await anna.presence(), await version_of(anna.api)
    await pass_time(anna.services, anna.clock, 61)
    assert (await anna.presence(), await version_of(anna.api)) == before


async def test_of_one_source_what_would_end_before_the_newest_never_shows_again(anna: Anna) -> None:
    await anna.claims("dnd", ends_in=60)
    await anna.claims("away", ends_in=600)
    assert await anna.shows_after(61) == (AWAY, None)
    assert await anna.shows_after(600) == (ONLINE, None)


async def test_saying_the_same_again_is_no_change(anna: Anna) -> None:
    await anna.claims("dnd", text="busy")
    before = await version_of(anna.api)
    await anna.claims("dnd", text="busy", ends_in=600)
    assert await version_of(anna.api) == before


# Taking back


async def test_plain_online_takes_back_the_manual_claims_and_no_others(anna: Anna) -> None:
    for source in ("external", "manual", "call"):
        await anna.claims("dnd", source=source, text=source)
    await anna.claims("away", text="a while", ends_in=60)
    await anna.claims("online")
    assert await anna.shows() == (DND, "call")
    await anna.claims("online", source="call")
    assert await anna.shows() == (DND, "external")
    assert await anna.shows_after(61) == (DND, "external")


async def test_online_with_words_is_a_claim_of_its_own(anna: Anna, session: str) -> None:
    await anna.claims("dnd")
    await anna.claims("online", text="ask me anything", ends_in=60)
    await anna.services.presence.touch(session, active=False)
    assert await anna.shows() == (ONLINE, "ask me anything")
    assert await anna.shows_after(61) == (DND, None)
    await anna.claims("online", emoji="🌴", ends_in=60)
    assert await anna.shows() == (ONLINE, None)
    assert await anna.shows_after(61) == (DND, None)


async def test_words_alone_leave_the_state_to_the_sessions(anna: Anna, session: str) -> None:
    await anna.claims(text="at lunch")
    assert await anna.shows() == (ONLINE, "at lunch")
    await anna.services.presence.touch(session, active=False)
    assert await anna.shows() == (AWAY, "at lunch")
    assert (await anna.claims(emoji="🍲"))["emoji"] == "🍲"
    assert await anna.shows() == (AWAY, None)


async def test_delete_takes_back_every_claim_and_twice_is_no_error(anna: Anna) -> None:
    for source in ("external", "calendar", "manual", "call"):
        await anna.claims("dnd", source=source, text=source)
    for _ in range(2):
        answer = await anna.api.delete(ANNAS)
        assert (answer.status, answer.json) == (200, await anna.presence())
        assert await anna.shows() == (ONLINE, None)


# Claims and sessions


async def test_claims_outlive_a_disconnect(anna: Anna, session: str) -> None:
    await anna.claims("away", text="for good")
    await anna.claims("dnd", text="a while", ends_in=600)
    await anna.services.presence.close(session, Departure.LOGOUT)
    assert await anna.shows() == (OFFLINE, None)
    again = await come_online(anna.services, "anna")
    assert await anna.shows() == (DND, "a while")
    await anna.services.presence.close(again, Departure.LOGOUT)
    assert await anna.shows_after(601) == (OFFLINE, None)
    await come_online(anna.services, "anna")
    assert await anna.shows() == (AWAY, "for good")


@pytest.mark.parametrize("status", ["online", "away", "dnd"])
@pytest.mark.parametrize("source", ["call", "manual", "calendar", "external"])
async def test_without_a_session_a_user_is_offline_whatever_is_claimed(
    api: ApiClient, services: Services, source: str, status: str
) -> None:
    await add(api, "anna")
    before = await version_of(api)
    claimed = (await api.put(ANNAS, {"status": status, "text": "here", "source": source})).json
    assert (claimed["presence_status"], claimed["text"], claimed["last_login_at"]) == (OFFLINE, None, None)
    assert await version_of(api) == before
    await come_online(services, "anna")
    shown = (await api.get(ANNAS)).json
    assert (shown["presence_status"], shown["text"]) == ({"online": ONLINE, "away": AWAY, "dnd": DND}[status], "here")


async def test_a_session_in_its_grace_keeps_the_claim_on_show(anna: Anna, session: str) -> None:
    await anna.claims("dnd")
    await anna.services.presence.close(session, Departure.LOST)
    assert await anna.shows() == (DND, None)
    assert await anna.shows_after(anna.services.settings.grace_s + 1) == (OFFLINE, None)


# Who may


async def test_a_user_token_may_read_everybody_and_write_its_own_presence_alone(anna: Anna) -> None:
    berts = f"{USERS}/bert/presence"
    mine = await as_user(anna.api, "anna")
    assert (await mine.put(f"{USERS}/ANNA/presence", {"status": "dnd"})).json["presence_status"] == DND
    assert (await mine.get(berts)).status == 200
    refused(await mine.put(berts, {"status": "dnd"}), 403, 40105)
    refused(await mine.delete(berts), 403, 40105)
    assert (await mine.delete(ANNAS)).json["presence_status"] == ONLINE


async def test_a_key_needs_the_scope_to_read_or_to_write_presence_and_no_other(anna: Anna) -> None:
    needed = {
        ("GET", ANNAS): Scope.PRESENCE_READ,
        ("PUT", ANNAS): Scope.PRESENCE_WRITE,
        ("DELETE", ANNAS): Scope.PRESENCE_WRITE,
    }
    for ((method, path), scope), holds in product(needed.items(), (True, False)):
        scopes = frozenset((scope,)) if holds else ALL_SCOPES - {scope}
        _, key = await anna.services.apps.create_key("demo", "test", scopes, (), None)
        answer = await anna.api.speaking_as(key).request(method, path, json={"status": "dnd"})
        if holds:
            assert answer.status == 200
        else:
            refused(answer, 403, 40105)


async def test_nobody_has_no_presence(api: ApiClient) -> None:
    nobodys = f"{USERS}/nobody/presence"
    refused(await api.get(nobodys), 404, 40015)
    refused(await api.put(nobodys, {"status": "dnd"}), 404, 40015)
    refused(await api.delete(nobodys), 404, 40015)


async def test_for_a_deactivated_user_nothing_is_claimed(anna: Anna) -> None:
    mine = await as_user(anna.api, "anna")
    await anna.claims("away")
    await anna.api.post(f"{USERS}/anna/deactivate")
    for client in (anna.api, mine):
        refused(await client.put(ANNAS, {"status": "dnd", "ttl": 60}), 403, 40301)
    refused(await mine.delete(ANNAS), 403, 40301)
    assert await anna.shows() == (OFFLINE, None)
    await anna.api.post(f"{USERS}/anna/reactivate")
    await come_online(anna.services, "anna")
    assert await anna.shows() == (AWAY, None)


async def test_the_claims_of_a_deleted_user_die_with_them(anna: Anna) -> None:
    mine = await as_user(anna.api, "anna")
    await anna.claims("dnd", text="mine")
    await anna.api.delete(f"{USERS}/anna")
    refused(await anna.api.put(ANNAS, {"status": "dnd"}), 404, 40015)
    refused(await anna.api.get(ANNAS), 404, 40015)
    refused(await mine.put(ANNAS, {"status": "dnd"}), 401, 40015)
    await add(anna.api, "anna")
    await come_online(anna.services, "anna")
    assert await anna.shows() == (ONLINE, None)
