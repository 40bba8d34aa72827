"""Events: each change makes one, in its own transaction and with the next number, and only where somebody wants it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import jwt
import msgspec
import pytest
from sqlalchemy import Engine, event, select

from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import Conflict, Invalid
from chatsrv.domain.presence import SERVER
from chatsrv.domain.webhooks import Webhook
from chatsrv.services import Services, open_services
from chatsrv.services.user_changes import find_user
from chatsrv.storage import users as user_rows
from chatsrv.storage.schema import event_sequences, webhook_deliveries, webhook_events, webhooks
from tests.conftest import DemoApp, MakeSettings

URL = "https://8.8.8.8/hooks"
"""Nothing is sent there: nobody sends in these tests."""


@pytest.fixture
async def webhook(services: Services, demo: DemoApp) -> Webhook:
    return await services.webhooks.create(demo.id, {"url": URL})


async def events(services: Services, app_id: str = "demo") -> list[dict[str, Any]]:
    """All but pings, in the order of their numbers."""
    statement = select(webhook_events.c.body).where(webhook_events.c.app_id == app_id, webhook_events.c.type != "ping")
    async with services.db.read() as tx:
        bodies = (await tx.execute(statement.order_by(webhook_events.c.seq))).scalars().all()
    return [msgspec.json.decode(body) for body in bodies]


async def types(services: Services) -> list[str]:
    return [one["type"] for one in await events(services)]


async def add(services: Services, username: str, **values: Any) -> None:
    await services.users.create("demo", {"username": username, **values}, SERVER)


async def test_what_becomes_of_a_user_is_told_from_the_first_to_the_last(services: Services, webhook: Webhook) -> None:
    await add(services, "anna", email="anna@mail.test")
    await services.users.update("demo", "anna", {"first_name": "Anna", "role": "admin"}, SERVER)
    await services.users.rename("demo", "anna", "anne", SERVER)
    await services.accounts.deactivate("demo", "anne", SERVER)
    await services.accounts.reactivate("demo", "anne", SERVER)
    uuid = (await services.users.find("demo", "anne")).id
    await services.accounts.discard("demo", "anne", SERVER)
    await services.accounts.restore("demo", uuid, SERVER)
    await services.accounts.delete("demo", "anne")
    told = await events(services)
    assert [(one["type"], one["data"]["username"], one["data"]["state"]) for one in told] == [
        ("user.created", "anna", "active"),
        ("user.updated", "anna", "active"),
        ("user.updated", "anne", "active"),
        ("user.deactivated", "anne", "deactivated"),
        ("user.reactivated", "anne", "active"),
        ("user.deleted", "anne", "deleted"),
        ("user.restored", "anne", "active"),
        ("user.deleted", "anne", "active"),
    ]
    assert [one["seq"] for one in told] == list(range(2, 10))
    assert told[1]["data"]["before"] == {"first_name": None, "role": "user"}
    assert told[2]["data"]["before"] == {"username": "anna"}
    assert [one["data"]["permanent"] for one in told if one["type"] == "user.deleted"] == [False, True]
    assert len({one["data"]["uuid"] for one in told}) == 1
    assert told[0]["data"]["email"] == "anna@mail.test"
    assert told[0]["data"]["status"] == 0


async def test_what_changes_nothing_that_anybody_sees_is_not_told(services: Services, webhook: Webhook) -> None:
    await add(services, "anna", first_name="Anna")
    await services.users.update("demo", "anna", {"first_name": "Anna"}, SERVER)
    await services.accounts.reactivate("demo", "anna", SERVER)
    await services.accounts.revoke_tokens("demo", "anna")
    assert await types(services) == ["user.created"]


async def test_somebody_who_is_deactivated_and_changed_at_once_is_told_of_twice(
    services: Services, webhook: Webhook
) -> None:
    await add(services, "anna")
    report = await services.transfer.import_lines(
        "demo", lines({"username": "anna", "status": 1, "first_name": "Anna"})
    )
    assert report.updated == 1
    assert await types(services) == ["user.created", "user.deactivated", "user.updated"]
    assert (await events(services))[-1]["data"]["before"] == {"first_name": None}


async def lines(*people: dict[str, Any]) -> AsyncIterator[bytes]:
    for person in people:
        yield msgspec.json.encode(person)


async def test_of_a_batch_each_is_told_of_once_from_what_they_were_to_what_they_are(
    services: Services, webhook: Webhook
) -> None:
    await add(services, "anna")
    people = [{"username": name, "first_name": first} for name, first in (("anna", "A"), ("ben", "B"), ("anna", "C"))]
    await services.upserts.apply("demo", [services.users.check(person) for person in people])
    told = (await events(services))[1:]
    assert {(one["type"], one["data"]["username"]) for one in told} == {
        ("user.created", "ben"),
        ("user.updated", "anna"),
    }
    [anna] = [one["data"] for one in told if one["data"]["username"] == "anna"]
    assert (anna["first_name"], anna["before"]) == ("C", {"first_name": None})


async def test_a_user_who_comes_into_being_with_a_socket_is_told_of(make_settings: MakeSettings, clock: Clock) -> None:
    async with open_services(make_settings(auto_create_users=True), clock) as services:
        app, _ = await services.apps.create("demo", None)
        await services.webhooks.create("demo", {"url": URL})
        now_s = clock.now() // 1000
        claims = {"sub": "anna", "aid": "demo", "iat": now_s, "exp": now_s + 60}
        await services.callers.identify_user(jwt.encode(claims, app.jwt_secret))
        assert await types(services) == ["user.created"]


async def test_what_did_not_happen_is_not_told_and_takes_no_number(services: Services, webhook: Webhook) -> None:
    await add(services, "anna")
    with pytest.raises(Conflict):
        await add(services, "ANNA")
    with pytest.raises(Invalid):
        await add(services, "ben", email="no email")
    with suppress(ZeroDivisionError):
        async with services.db.write() as tx:
            await user_rows.change(tx, await find_user(tx, "demo", "anna"), {"first_name": "A"})
            raise ZeroDivisionError
    await add(services, "cleo")
    assert [one["seq"] for one in await events(services)] == [2, 3]


async def test_many_who_write_at_once_take_numbers_without_a_gap(services: Services, webhook: Webhook) -> None:
    await asyncio.gather(*(add(services, f"u{number}") for number in range(40)))
    await asyncio.gather(*(services.accounts.delete("demo", f"u{number}") for number in range(20)))
    told = await events(services)
    assert [one["seq"] for one in told] == list(range(2, 62))
    assert {one["data"]["username"] for one in told[:40]} == {f"u{number}" for number in range(40)}


async def test_only_what_a_webhook_wants_is_written(services: Services, demo: DemoApp) -> None:
    await services.webhooks.create("demo", {"url": URL, "events": ["user.deleted"]})
    await add(services, "anna")
    assert await events(services) == []
    await services.accounts.delete("demo", "anna")
    assert await types(services) == ["user.deleted"]


async def test_an_app_without_a_webhook_has_no_row_and_costs_one_look_for_many_changes(
    make_settings: MakeSettings,
) -> None:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    async with open_services(make_settings(credential_cache_s=60)) as services:
        await services.apps.create("demo", None)
        event.listen(Engine, "before_cursor_execute", note)
        try:
            for number in range(10):
                await add(services, f"u{number}")
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        assert len([one for one in statements if "webhook" in one]) == 1
        assert len([one for one in statements if "event_sequences" in one]) == 0
        async with services.db.read() as tx:
            assert (await tx.execute(select(event_sequences))).all() == []


async def test_a_webhook_that_was_just_made_is_told_of_what_comes_next_though_none_was_wanted_before(
    services: Services, demo: DemoApp
) -> None:
    await add(services, "anna")
    made = await services.webhooks.create("demo", {"url": URL})
    await add(services, "ben")
    await services.webhooks.delete("demo", made.id)
    await add(services, "cleo")
    await services.webhooks.create("demo", {"url": URL})
    await add(services, "dora")
    assert [one["data"]["username"] for one in await events(services)] == ["ben", "dora"]


async def test_another_node_learns_of_a_webhook_within_the_life_of_what_it_remembers(
    services: Services, demo: DemoApp, make_settings: MakeSettings, clock: Clock
) -> None:
    async with open_services(make_settings(), clock) as other:
        await add(other, "anna")
        await services.webhooks.create("demo", {"url": URL})
        clock.advance(1)
        await add(other, "ben")
        assert [one["data"]["username"] for one in await events(services)] == ["ben"]


async def test_each_app_counts_for_itself(services: Services, webhook: Webhook) -> None:
    await services.apps.create("next-door", None)
    await services.webhooks.create("next-door", {"url": URL})
    await services.users.create("next-door", {"username": "anna"}, SERVER)
    await add(services, "ben")
    assert [(one["seq"], one["app"]) for one in await events(services)] == [(2, "demo")]
    assert [(one["seq"], one["app"]) for one in await events(services, "next-door")] == [(2, "next-door")]


async def test_an_app_that_is_deleted_takes_its_webhooks_and_their_events_along(
    services: Services, webhook: Webhook
) -> None:
    await add(services, "anna")
    await services.apps.delete("demo")
    assert await events(services) == []
    async with services.db.read() as tx:
        for table in (webhooks, webhook_deliveries, event_sequences):
            assert (await tx.execute(select(table))).all() == []
