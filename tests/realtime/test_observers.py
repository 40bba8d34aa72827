"""Watching a whole app over the product's own socket: everybody in it, in truth, and nobody of another."""

from __future__ import annotations

import asyncio

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Unavailable
from chatsrv.domain.presence import SERVER
from chatsrv.domain.sessions import Departure, Device, NewSession
from chatsrv.services import Services
from tests.client import ApiClient
from tests.realtime.conftest import Connect, NewClient, Observe, gauge

pytestmark = [
    pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True),
    pytest.mark.usefixtures("in_a_hurry"),
]

OFFLINE, ONLINE, INVISIBLE, AWAY, DND = range(5)


async def test_it_sees_people_come_change_and_go_whom_it_never_named(
    observe: Observe, connect: Connect, api: ApiClient
) -> None:
    onlooker = await observe()
    hello = onlooker.client.hello
    assert (hello["observer"], hello["app"]) == (True, "demo")
    assert {"epoch", "version", "server_time"} <= hello.keys()
    assert onlooker.begun["epoch"] == hello["epoch"]
    assert onlooker.begun["counts"] == {"online": 0, "away": 0, "dnd": 0, "total": 0}
    anna = await connect("anna", device="mobile")
    await onlooker.sees(anna=ONLINE)
    assert onlooker.people["anna"].keys() == {
        "username", "presence_status", "text", "emoji", "last_active_at", "last_seen_at", "changed_at", "devices",
    }  # fmt: skip
    assert onlooker.people["anna"]["devices"] == ["mobile"]
    await anna.io.call("presence:set", {"status": "dnd", "text": "Exam", "emoji": "📚"})
    await onlooker.sees(anna=DND)
    assert (onlooker.people["anna"]["text"], onlooker.people["anna"]["emoji"]) == ("Exam", "📚")
    await onlooker.counts(dnd=1, online=0, total=1)
    await anna.io.disconnect()
    await onlooker.sees(anna=OFFLINE)
    assert onlooker.people["anna"]["last_seen_at"]
    await onlooker.counts(dnd=0, online=0, total=1)
    versions = [payload["version"] for event, payload in onlooker.frames if event == "presence:diff"]
    assert versions == sorted(versions)
    assert versions[-1] == (await api.get("/v1/demo/presence")).json["version"]


async def test_it_sees_the_truth_of_whoever_hides_also_when_they_come_and_go(
    observe: Observe, connect: Connect, services: Services
) -> None:
    onlooker = await observe()
    ben = await connect("ben")
    await ben.io.call("presence:subscribe", {"usernames": ["anna"]})
    hidden = await connect("anna", status="invisible")
    await onlooker.sees(anna=INVISIBLE)
    await hidden.io.call("presence:set", {"status": "dnd"})
    await onlooker.sees(anna=DND)
    await hidden.io.call("presence:set", {"status": "invisible"})
    await onlooker.sees(anna=INVISIBLE)
    await onlooker.counts(online=1, dnd=0, total=2)
    await hidden.io.disconnect()
    await onlooker.sees(anna=OFFLINE)
    assert gauge(services, "chatsrv_sockets") == 1


async def test_a_clock_that_moves_is_no_change(
    observe: Observe, connect: Connect, clock: Clock, services: Services
) -> None:
    anna = await connect("anna")
    onlooker = await observe()
    clock.advance(services.settings.last_active_every_s + 1)
    await anna.io.call("presence:activity", {"active": True})
    await connect("anna", device="mobile")
    await connect("ben")
    await onlooker.sees(ben=ONLINE)
    assert list(onlooker.people) == ["ben"]


async def test_nothing_of_the_neighbours_app_is_told(
    observe: Observe, services: Services, new_client: NewClient
) -> None:
    _, key = await services.apps.create("other", None)
    onlooker, theirs = await observe(), await observe(key)
    for app_id, name in (("other", "eve"), ("demo", "anna")):
        await services.users.create(app_id, {"username": name}, SERVER)
        token, _ = await services.callers.mint_token(await services.apps.get(app_id), name, 600)
        await new_client().connect({"token": token})
    await onlooker.sees(anna=ONLINE)
    await theirs.sees(eve=ONLINE)
    assert (list(onlooker.people), list(theirs.people)) == (["anna"], ["eve"])
    await onlooker.counts(online=1, total=1)
    acked = await onlooker.call("presence:query", {"usernames": ["anna", "eve"]})
    assert [user["username"] for user in acked["users"]] == ["anna"]


async def test_before_it_watches_and_after_it_has_stopped_it_is_told_nothing(
    observe: Observe, connect: Connect
) -> None:
    silent, onlooker = await observe(watch=False), await observe()
    assert await onlooker.call("app:unwatch") == {}
    other = await observe()
    await connect("anna")
    await other.sees(anna=ONLINE)
    await onlooker.watch()
    await connect("ben")
    for one in (other, onlooker):
        await one.sees(ben=ONLINE)
    assert "anna" not in onlooker.people
    assert silent.client.events.empty()


async def test_what_happens_between_watching_and_looking_is_not_lost(
    observe: Observe, connect: Connect, api: ApiClient
) -> None:
    """Whatever the order: who is not in the list is in a change."""
    names = [f"user {number}" for number in range(6)]
    for name in names:
        await connect(name)
    onlooker = await observe(watch=False)
    coming = [asyncio.ensure_future(connect(f"late {number}")) for number in range(10)]
    await onlooker.watch()
    first = (await api.get("/v1/demo/presence")).json
    await asyncio.gather(*coming)
    assert first["version"] >= onlooker.begun["version"]
    known = {user["username"]: user["presence_status"] for user in first["users"]}
    expected = dict.fromkeys((*names, *(f"late {number}" for number in range(10))), ONLINE)
    while {**known, **onlooker.shown} != expected:
        await onlooker.hear()


async def test_there_is_no_cap_below_the_whole_app(observe: Observe, services: Services) -> None:
    """In truth nobody connects: their sessions alone open, which is what is told of."""
    onlooker = await observe()
    count, app = 1200, await services.apps.get("demo")
    await services.upserts.apply("demo", [{"username": f"u{number}"} for number in range(count)])
    users = (await services.watching.find("demo", [f"u{number}" for number in range(count)]))[0]
    sessions = [NewSession(user.username, "c", False, Device.WEB, None, "websocket", "") for user in users]
    await asyncio.gather(
        *(services.presence.open(app, user, session) for user, session in zip(users, sessions, strict=True))
    )
    await onlooker.sees(**{user.username: ONLINE for user in users})
    await onlooker.counts(online=count, total=count)
    sizes = [len(payload["changes"]) for event, payload in onlooker.frames if event == "presence:diff"]
    assert sum(sizes) == count
    assert max(sizes) <= 500


async def test_of_many_changes_of_one_person_the_last_is_told(observe: Observe, services: Services) -> None:
    onlooker = await observe()
    anna = (await services.users.create("demo", {"username": "anna"}, SERVER)).user
    app = await services.apps.get("demo")
    await onlooker.counts(total=1)
    # the window began with what is told at once
    for number in range(20):
        await services.presence.open(app, anna, NewSession(f"s{number}", "c", False, Device.WEB, None, "websocket", ""))
        await services.presence.close(f"s{number}", Departure.LOGOUT)
    await services.presence.open(app, anna, NewSession("last", "c", False, Device.WEB, None, "websocket", ""))
    await onlooker.sees(anna=ONLINE)
    assert onlooker.count("presence:diff") < 10
    assert not onlooker.count("presence:reset")


async def test_while_sql_is_away_it_stays_and_is_told_what_came_afterwards(
    observe: Observe, services: Services, connect: Connect
) -> None:
    onlooker = await observe()
    anna = (await services.users.create("demo", {"username": "anna"}, SERVER)).user
    app = await services.apps.get("demo")
    real, asked = services.users._reads.find_by_ids, asyncio.Event()

    async def fails(*_: object) -> None:
        asked.set()
        raise Unavailable("database")

    services.users._reads.find_by_ids = fails  # type: ignore[method-assign,assignment]
    await services.presence.open(app, anna, NewSession("s", "c", False, Device.WEB, None, "websocket", ""))
    await asked.wait()
    services.users._reads.find_by_ids = real  # type: ignore[method-assign]
    await onlooker.sees(anna=ONLINE)
    assert not onlooker.count("presence:reset")
