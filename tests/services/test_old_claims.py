"""Claims that were taken back long ago, and sockets that were open all the time."""

from __future__ import annotations

from uuid import uuid4

from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import SERVER, Claim, PresenceStatus, Source
from chatsrv.domain.sessions import Device, NewSession
from chatsrv.services import Services
from tests.conftest import DemoApp


async def pass_two_hours(services: Services, clock: Clock) -> None:
    """SQL has heard of everything before anything is forgotten."""
    for _ in range(2):
        clock.advance(3601)
        await services.upkeep.beat()
        await services.clocks.flush()
        await services.upkeep.sweep()


async def test_what_was_taken_back_hours_ago_does_not_come_back_with_what_an_old_socket_says(
    services: Services, demo: DemoApp, clock: Clock
) -> None:
    await services.users.create(demo.id, {"username": "anna"}, SERVER)
    call = Claim("call", Source.CALL, PresenceStatus.DND)
    anna = await services.users.find(demo.id, "anna")
    await services.claims.put(anna, call, None, "::1", SERVER)
    await services.clocks.flush()
    connected = await services.users.find(demo.id, "anna")
    session = NewSession(uuid4().hex, uuid4().hex, False, Device.WEB, False, "websocket", "::1")
    await services.presence.open(await services.apps.get(demo.id), connected, session)
    await services.claims.clear(connected, SERVER)
    await pass_two_hours(services, clock)
    away = Claim("away", Source.MANUAL, PresenceStatus.AWAY)
    claimed = await services.claims.set_often(connected, away, session.id)
    assert claimed.warm.truth.status is PresenceStatus.AWAY
