"""Apps and keys as requests read them: once for however many come at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event

from chatsrv.domain.clock import Clock
from chatsrv.services import Services, open_services
from chatsrv.services.apps import Apps
from tests.conftest import DemoApp, MakeSettings

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)


@pytest.fixture
def apps(services: Services) -> Apps:
    return services.apps


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements of everybody meanwhile."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("SELECT"):
            statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def test_however_many_come_at_once_a_key_and_its_app_are_read_once(
    apps: Apps, demo: DemoApp, clock: Clock
) -> None:
    for _ in range(2):
        clock.advance(2)
        with counted() as statements:
            found = await asyncio.gather(*(apps.identify(demo.key) for _ in range(100)))
        assert len(statements) == 2
        assert {app.id for app, _ in found} == {"demo"}


async def test_who_gives_up_does_not_take_the_others_along(apps: Apps, demo: DemoApp, clock: Clock) -> None:
    clock.advance(2)
    callers = [asyncio.create_task(apps.identify(demo.key)) for _ in range(20)]
    await asyncio.sleep(0)
    for caller in callers[::2]:
        caller.cancel()
    found = await asyncio.gather(*callers, return_exceptions=True)
    assert all(isinstance(answer, asyncio.CancelledError) for answer in found[::2])
    assert all(isinstance(answer, tuple) for answer in found[1::2])


async def test_a_read_that_fails_fails_whoever_waits_for_it_and_is_tried_again(
    apps: Apps, demo: DemoApp, services: Services, clock: Clock
) -> None:
    clock.advance(2)

    def fail(*_: object) -> None:
        raise OSError("gone")

    event.listen(Engine, "before_cursor_execute", fail)
    try:
        answers = await asyncio.gather(*(apps.identify(demo.key) for _ in range(20)), return_exceptions=True)
    finally:
        event.remove(Engine, "before_cursor_execute", fail)
    assert all(isinstance(answer, Exception) for answer in answers)
    assert (await apps.identify(demo.key))[0].id == "demo"


async def test_without_a_cache_nobody_shares_a_read_that_began_before_they_came(
    demo: DemoApp, make_settings: MakeSettings
) -> None:
    async with open_services(make_settings(credential_cache_s=0)) as other:
        with counted() as statements:
            await asyncio.gather(*(other.apps.identify(demo.key) for _ in range(5)))
        assert len(statements) == 10
