"""While the database is away, leases go on, and nobody is swept for whom this node could not speak."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.sessions import Departure, Device, NewSession
from chatsrv.domain.users import User
from chatsrv.services import Services
from chatsrv.services.upkeep import Upkeep
from chatsrv.storage.database import open_database, parse_url
from chatsrv.storage.keys import shard_of
from tests.conftest import DemoApp
from tests.services.people import make_user

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)
SHARD = shard_of("demo")


async def come(services: Services, username: str) -> str:
    app, user = await services.apps.get("demo"), await services.users.find("demo", username)
    session = NewSession(username, username, True, Device.WEB, False, "websocket", "127.0.0.1")
    await services.presence.open(app, user, session)
    return session.id


async def test_a_node_that_cannot_ask_the_database_keeps_its_leases_and_sweeps_nobody(
    services: Services, demo: DemoApp, clock: Clock, tmp_path: Path
) -> None:
    for name in ("anna", "ben"):
        await make_user(services, "demo", None, username=name)
    await services.upkeep.beat()
    await come(services, "anna")
    leaving = await come(services, "ben")
    await services.presence.close(leaving, Departure.LOST)
    url = parse_url("postgres://x:y@127.0.0.1:1/x", tmp_path)
    async with open_database(url, 1, 5) as away:
        # as after a beat that failed: it has to put its sockets back before it does anything else
        anew = Upkeep(services.upkeep._store, services.upkeep._local, away, services.settings, services.metrics)
        heard: list[int] = []
        anew.heard_of = lambda shard, _: heard.append(shard)
        await anew.beat()
        assert SHARD in heard, "the log is followed no further"
        clock.advance(services.settings.node_dead_s + services.settings.grace_s + 1)
        await anew.beat()
        await anew.sweep()
        assert [session.id for session in await services.presence.sessions(await find(services, "ben"))] == ["ben"]
        anew._db = services.db
        await anew.beat()
        await anew.sweep()
    assert await services.presence.sessions(await find(services, "ben")) == []
    assert [session.id for session in await services.presence.sessions(await find(services, "anna"))] == ["anna"]


async def find(services: Services, username: str) -> User:
    return await services.users.find("demo", username)
