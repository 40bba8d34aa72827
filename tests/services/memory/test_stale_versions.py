"""Versions that one socket is told, from Redis and from what its node remembers: they only grow."""

from __future__ import annotations

import pytest

from chatsrv.domain.presence import SERVER, Viewer
from chatsrv.domain.sessions import Device, NewSession
from chatsrv.services import Services
from tests.conftest import DemoApp
from tests.services.memory.test_stale_loads import follow

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


async def test_who_has_just_come_is_told_of_others_at_no_older_version(services: Services, demo: DemoApp) -> None:
    anna, ben = [(await services.users.create(demo.id, {"username": n}, SERVER)).user for n in ("anna", "ben")]
    app = await services.apps.get(demo.id)
    await services.upkeep.beat()
    for turn in range(3):
        session = NewSession(f"s{turn}", f"s{turn}", False, Device.WEB, None, "http", "")
        opened = await services.presence.open(app, anna, session)
        roll = await services.watching.look(demo.id, [ben], Viewer(anna.id))
        assert roll.version >= opened.version
        await services.presence.sign_out(anna, None)
        if turn == 0:
            await services.following.begin()
        await follow(services)
        await services.following.load_missing()
