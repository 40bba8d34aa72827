"""Presence and sessions as webhooks are told of them: as others see it, once, and only where somebody wants it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import AWAY, INVISIBLE, ONLINE, SERVER, PresenceStatus
from chatsrv.domain.sessions import Departure, Device, NewSession
from chatsrv.domain.users import User
from chatsrv.services import Services, open_services
from chatsrv.storage.redis import open_redis
from tests.conftest import DemoApp, MakeSettings
from tests.services.test_outbox import URL, events
from tests.services.visits import come, go, hang_up, make_people, say


@pytest.fixture
def database_source(sqlite_template: Path) -> Path:
    """What is written is tried with both databases in test_outbox.py."""
    return sqlite_template


PRESENCE = ["presence.changed"]
SESSIONS = ["session.opened", "session.closed"]


@pytest.fixture
async def anna(services: Services, demo: DemoApp, clock: Clock) -> User:
    await begin(services, clock)
    [anna] = await make_people(services, "anna")
    return anna


async def begin(services: Services, clock: Clock) -> None:
    """The log is followed from here on, and no offline change is held any more, as in a log that is new."""
    await services.upkeep.beat()
    clock.advance(11)
    await services.upkeep.beat()
    await services.chronicle.run()


async def told(services: Services) -> list[dict[str, Any]]:
    await services.chronicle.run()
    return await events(services)


async def sessions_told(services: Services) -> list[tuple[str, str, str | None]]:
    """What was told of which session, and why."""
    found = await told(services)
    return [(one["type"].partition(".")[2], one["data"]["session_id"], one["data"]["reason"]) for one in found]


async def test_who_comes_changes_and_goes_is_told_as_others_see_it(services: Services, anna: User) -> None:
    await services.webhooks.create("demo", {"url": URL, "events": PRESENCE})
    await come(services, anna)
    await say(services, anna, PresenceStatus.DND, "In a meeting")
    await go(services, anna)
    found = [one["data"] for one in await told(services)]
    assert [(one["before"], one["presence_status"], one["text"], one["devices"]) for one in found] == [
        (0, ONLINE, None, ["web"]),
        (ONLINE, PresenceStatus.DND, "In a meeting", ["web"]),
        (PresenceStatus.DND, 0, None, []),
    ]
    assert {one["username"] for one in found} == {"anna"}
    assert [one["last_seen_at"] is None for one in found] == [True, True, False]
    assert await told(services) == await events(services)
    assert len(await events(services)) == 3


async def test_whoever_hides_goes_offline_and_nothing_is_told_while_they_do(services: Services, anna: User) -> None:
    await services.webhooks.create("demo", {"url": URL, "events": [*PRESENCE]})
    await come(services, anna)
    await say(services, anna, INVISIBLE)
    second = await come(services, anna)
    await say(services, anna, INVISIBLE, "Nobody sees this")
    await hang_up(services, second)
    hidden = [(one["data"]["before"], one["data"]["presence_status"]) for one in await told(services)]
    assert hidden == [(0, ONLINE), (ONLINE, 0)]
    assert "Nobody sees this" not in str(await events(services))
    await say(services, anna, AWAY)
    assert [one["data"]["presence_status"] for one in await told(services)] == [ONLINE, 0, AWAY]


async def test_sessions_are_told_of_from_their_opening_to_their_end_and_why(
    services: Services, anna: User, clock: Clock
) -> None:
    await services.webhooks.create("demo", {"url": URL, "events": SESSIONS})
    app = await services.apps.get("demo")

    async def come_as(client_id: str) -> str:
        session = NewSession(uuid4().hex, client_id, True, Device.MOBILE, False, "polling", "127.0.0.1")
        await services.presence.open(app, anna, session)
        return session.id

    first = await come_as("phone")
    second = await come_as("phone")
    await services.presence.close(first, Departure.LOST)  # as its node does, told to by the log
    await services.presence.close(second, Departure.LOST)
    third = await come_as("phone")
    await services.presence.close(third, Departure.LOST)
    assert (await sessions_told(services))[-1] == ("opened", third, None)
    clock.advance(61)
    await services.upkeep.beat()
    await services.upkeep.sweep()
    fourth = await come_as("phone")
    await services.presence.close(fourth, Departure.LOGOUT)
    fifth = await come_as("phone")
    await services.presence.sign_out(anna, fifth)
    await services.presence.close(fifth, Departure.SIGNED_OUT)
    sixth = await come_as("phone")
    await services.presence.close(sixth, Departure.HANDOFF)
    clock.advance(61)
    await services.upkeep.beat()
    await services.upkeep.sweep()
    assert await sessions_told(services) == [
        ("opened", first, None),
        ("closed", first, "replaced"),
        ("opened", second, None),
        ("closed", second, "resumed"),
        ("opened", third, None),
        ("closed", third, "lost"),
        ("opened", fourth, None),
        ("closed", fourth, "logout"),
        ("opened", fifth, None),
        ("closed", fifth, "signed_out"),
        ("opened", sixth, None),
        ("closed", sixth, "handoff"),
    ]
    opened, closed = (one["data"] for one in (await events(services))[:2])
    assert {name: opened[name] for name in ("username", "device", "client_id", "transport", "closed_at")} == {
        "username": "anna",
        "device": "mobile",
        "client_id": "phone",
        "transport": "polling",
        "closed_at": None,
    }
    assert opened["opened_at"] == closed["opened_at"] <= closed["closed_at"]


async def test_sessions_that_give_way_or_end_with_their_user_are_told_of(
    make_settings: MakeSettings, clock: Clock
) -> None:
    async with open_services(make_settings(sessions_per_user=1), clock) as services:
        await services.apps.create("demo", None)
        await begin(services, clock)
        anna, ben = await make_people(services, "anna", "ben")
        await services.webhooks.create("demo", {"url": URL, "events": SESSIONS})
        first, second, third = await come(services, anna), await come(services, anna), await come(services, ben)
        await services.accounts.deactivate("demo", "ben", SERVER)
        await services.chronicle.run()
        await services.accounts.delete("demo", "anna")
        assert await sessions_told(services) == [
            ("opened", first, None),
            ("closed", first, "evicted"),
            ("opened", second, None),
            ("opened", third, None),
            ("closed", third, "deactivated"),
            ("closed", second, "deleted"),
        ]


async def test_the_sessions_of_a_node_that_died_are_told_of(
    services: Services, anna: User, make_settings: MakeSettings, clock: Clock
) -> None:
    await services.webhooks.create("demo", {"url": URL, "events": SESSIONS})
    async with open_services(make_settings(), clock) as dying:
        await dying.upkeep.beat()
        session = await come(dying, anna)
    for seconds in (11, 61):
        clock.advance(seconds)
        await services.upkeep.beat()
        await services.upkeep.sweep()
    assert await sessions_told(services) == [("opened", session, None), ("closed", session, "node_died")]


async def test_heartbeats_are_sessions_too(services: Services, anna: User, clock: Clock) -> None:
    await services.webhooks.create("demo", {"url": URL, "events": SESSIONS})
    for _ in range(2):
        await services.claims.put(anna, None, 30, "127.0.0.1", SERVER)
    clock.advance(31)
    await services.upkeep.beat()
    await services.upkeep.sweep()
    await services.claims.put(anna, None, 30, "127.0.0.1", SERVER)
    await services.claims.clear(anna, SERVER)
    assert await sessions_told(services) == [
        ("opened", "heartbeat", None),
        ("closed", "heartbeat", "expired"),
        ("opened", "heartbeat", None),
        ("closed", "heartbeat", "cleared"),
    ]


async def test_where_nobody_wants_to_hear_of_sessions_the_log_holds_no_word_of_them(
    services: Services, anna: User, make_settings: MakeSettings
) -> None:
    other = await services.webhooks.create("demo", {"url": URL, "events": PRESENCE})
    await hang_up(services, await come(services, anna))
    assert await kinds(make_settings) & {"opened", "closed"} == set()
    await services.webhooks.update("demo", other.id, {"events": SESSIONS})
    await hang_up(services, await come(services, anna))
    assert await kinds(make_settings) & {"opened", "closed"} == {"opened", "closed"}
    assert len(await sessions_told(services)) == 2
    await services.webhooks.update("demo", other.id, {"active": False})
    await hang_up(services, await come(services, anna))
    await services.webhooks.update("demo", other.id, {"active": True})
    assert len(await sessions_told(services)) == 2


async def kinds(make_settings: MakeSettings) -> set[str]:
    """Of entry in all logs."""
    settings = make_settings()
    async with open_redis(settings.redis_url, 2, 5, True) as redis:
        entries: list[Any] = []
        async for key in redis.scan_iter(f"{settings.redis_prefix}:*:feed"):
            entries += await redis.xrange(key) or []
    return {fields[b"kind"].decode() for _, fields in entries}


async def test_after_a_loss_of_redis_data_the_worker_says_again_whose_sessions_are_told(
    services: Services, anna: User, make_settings: MakeSettings
) -> None:
    await services.webhooks.create("demo", {"url": URL, "events": SESSIONS})
    settings = make_settings()
    async with open_redis(settings.redis_url, 2, 5, True) as redis:
        keys = [key async for key in redis.scan_iter(f"{settings.redis_prefix}:*:telling")]
        assert keys
        await redis.delete(*keys)
    await come(services, anna)
    assert await sessions_told(services) == []
    await services.telling.keep_all()
    session = await come(services, anna)
    assert await sessions_told(services) == [("opened", session, None)]
