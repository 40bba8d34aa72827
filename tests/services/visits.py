"""People who come and go while a clock is moved, and what the chronicle makes of it."""

from __future__ import annotations

from uuid import uuid4

from sqlalchemy import select

from chatsrv.domain.clock import Clock
from chatsrv.domain.history import Interval
from chatsrv.domain.instants import LATEST
from chatsrv.domain.presence import SERVER, Claim, PresenceStatus, Source
from chatsrv.domain.sessions import Departure, Device, NewSession
from chatsrv.domain.tallies import DAY_MS, MINUTE_MS, Point, Width
from chatsrv.domain.users import User
from chatsrv.services import Services
from chatsrv.storage.schema import presence_counts, presence_now, presence_spans, presence_tallies

Told = tuple[int, int | None, PresenceStatus]

TABLES = (presence_now, presence_spans, presence_tallies, presence_counts)


def move_to_noon(clock: Clock) -> None:
    """Of tomorrow: no test sees a midnight that it did not make."""
    clock.advance((DAY_MS - clock.now() % DAY_MS + DAY_MS // 2) / 1000)


async def begin(services: Services, clock: Clock) -> None:
    """A node on a Redis that is old enough to say at once who has left, and a chronicle that begins at noon."""
    move_to_noon(clock)
    await services.upkeep.beat()
    clock.advance(services.settings.node_dead_s + 1)
    await services.upkeep.beat()
    await services.chronicle.run()


async def make_people(services: Services, *names: str, app_id: str = "demo") -> list[User]:
    return [(await services.users.create(app_id, {"username": name}, SERVER)).user for name in names]


async def come(services: Services, user: User, status: PresenceStatus | None = None) -> str:
    """The session's id; `status`: claimed from the first moment on."""
    session = NewSession(uuid4().hex, uuid4().hex, True, Device.WEB, False, "websocket", "127.0.0.1")
    claim = None if status is None else Claim(uuid4().hex, Source.MANUAL, status)
    await services.presence.open(await services.apps.get(user.app_id), user, session, claim=claim)
    return session.id


async def hang_up(services: Services, session_id: str) -> None:
    await services.presence.close(session_id, Departure.LOGOUT)


async def go(services: Services, *users: User) -> None:
    """All their sessions on this node."""
    for user in users:
        for session in await services.presence.sessions(user):
            await hang_up(services, session.id)


async def say(services: Services, user: User, status: PresenceStatus, text: str | None = None) -> None:
    await services.claims.put(user, Claim(uuid4().hex, Source.MANUAL, status, text), None, "127.0.0.1", SERVER)


async def intervals_of(services: Services, user: User) -> list[Interval]:
    app = await services.apps.get(user.app_id)
    page = await services.history.page(app, user.username, 0, LATEST, 1000, None)
    assert page.next_after is None
    return list(page.intervals)


async def told_of(services: Services, user: User, since: int) -> list[Told]:
    """In whole minutes after `since` (ms): tests move the clock by minutes, and may themselves take seconds."""
    return [
        (_after(one.from_at, since), None if one.to_at is None else _after(one.to_at, since), one.status)
        for one in await intervals_of(services, user)
    ]


def _after(at: int, since: int) -> int:
    return (at - since) // MINUTE_MS


async def points_of(services: Services, width: Width, from_at: int = 0, app_id: str = "demo") -> list[Point]:
    app, now = await services.apps.get(app_id), services.clock.now()
    return await services.history.stats(app, width, from_at, now + 1)


async def count_rows(services: Services) -> dict[str, int]:
    """Of each table that has any."""
    async with services.db.read() as tx:
        found = {table.name: len((await tx.execute(select(table))).all()) for table in TABLES}
    return {name: count for name, count in found.items() if count}
