"""Deliveries in SQL: who may send what, for how long, what waits and what is kept. Both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from sqlalchemy import select

from chatsrv.domain.attempts import Attempt
from chatsrv.domain.clock import Clock
from chatsrv.domain.errors import NotFound, WrongState
from chatsrv.domain.presence import SERVER
from chatsrv.domain.webhooks import Delivery, DeliveryQuery, DeliveryStatus, Due, Replay, Webhook
from chatsrv.services import Services, open_services
from chatsrv.storage.schema import webhook_deliveries, webhook_events
from tests.conftest import DemoApp, MakeSettings
from tests.services.test_outbox import URL, add

OK, DOWN = Attempt(200), Attempt(500, "Answered 500.")


@pytest.fixture
async def webhook(services: Services, demo: DemoApp) -> Webhook:
    """Its ping has arrived."""
    made = await services.webhooks.create(demo.id, {"url": URL})
    await settle_all(services, OK)
    return made


@pytest.fixture
async def other(make_settings: MakeSettings, clock: Clock, demo: DemoApp) -> AsyncIterator[Services]:
    """Another process on the same stores."""
    async with open_services(make_settings(), clock) as opened:
        yield opened


async def settle_all(services: Services, attempt: Attempt) -> list[Due]:
    """What it had in hand, all of which went so."""
    settled: list[Due] = []
    for webhook in await services.deliveries.claim(100):
        _, due = await services.deliveries.find_due(webhook)
        for one in due:
            await services.deliveries.settle(webhook, one, attempt)
        settled += due
        await services.deliveries.release(webhook)
    return settled


async def log_of(services: Services, webhook: Webhook, status: DeliveryStatus | None = None) -> Sequence[Delivery]:
    """All but the ping, the oldest first."""
    found, _ = await services.webhooks.deliveries("demo", webhook.id, DeliveryQuery(1000, status))
    return [one for one in reversed(found) if one.type != "ping"]


async def test_what_is_claimed_by_one_is_nobody_elses_until_the_lease_ends(
    services: Services, webhook: Webhook, other: Services, clock: Clock
) -> None:
    await add(services, "anna")
    assert [one.id for one in await services.deliveries.claim(10)] == [webhook.id]
    assert await other.deliveries.claim(10) == ()
    clock.advance(29)
    assert await other.deliveries.claim(10) == ()
    clock.advance(2)
    assert [one.id for one in await other.deliveries.claim(10)] == [webhook.id]


async def test_of_two_who_claim_at_once_each_webhook_goes_to_one(services: Services, other: Services) -> None:
    made = {(await services.webhooks.create("demo", {"url": URL})).id for _ in range(10)}
    found = await asyncio.gather(*(one.deliveries.claim(10) for one in [services, other] * 5))
    claimed = [webhook.id for webhooks in found for webhook in webhooks]
    assert sorted(claimed) == sorted(made)


async def test_an_attempt_that_went_well_renews_the_lease(
    services: Services, webhook: Webhook, other: Services, clock: Clock
) -> None:
    for name in ("anna", "ben"):
        await add(services, name)
    [claimed] = await services.deliveries.claim(10)
    _, due = await services.deliveries.find_due(claimed)
    clock.advance(20)
    await services.deliveries.settle(claimed, due[0], OK)
    clock.advance(20)
    assert await other.deliveries.claim(10) == ()


async def test_what_is_released_is_others_at_once(services: Services, webhook: Webhook, other: Services) -> None:
    await add(services, "anna")
    [claimed] = await services.deliveries.claim(10)
    await services.deliveries.release_all()
    assert [one.id for one in await other.deliveries.claim(10)] == [claimed.id]


async def test_no_more_webhooks_are_claimed_than_there_is_room_for_and_none_is_left_out(
    services: Services, demo: DemoApp
) -> None:
    made = [(await services.webhooks.create("demo", {"url": URL})).id for _ in range(5)]
    seen: list[int] = []
    for _ in range(3):
        claimed = await services.deliveries.claim(2)
        assert len(claimed) <= 2
        seen += [one.id for one in claimed]
    assert sorted(seen) == made


async def test_what_was_settled_or_replayed_meanwhile_is_not_settled_by_a_latecomer(
    services: Services, webhook: Webhook, other: Services, clock: Clock
) -> None:
    await add(services, "anna")
    [late] = await services.deliveries.claim(10)
    _, [due] = await services.deliveries.find_due(late)
    clock.advance(31)
    [quick] = await other.deliveries.claim(10)
    await other.deliveries.settle(quick, due, OK)
    await services.deliveries.settle(late, due, DOWN)
    [delivery] = await log_of(services, webhook)
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 1)


async def test_a_webhook_that_is_not_active_any_more_is_sent_no_more(services: Services, webhook: Webhook) -> None:
    await add(services, "anna")
    [claimed] = await services.deliveries.claim(10)
    await services.webhooks.update("demo", webhook.id, {"active": False})
    fresh, due = await services.deliveries.find_due(claimed)
    assert (fresh.active, due) == (False, ())
    await services.deliveries.release(claimed)
    assert await services.deliveries.claim(10) == ()
    # nothing that happens meanwhile is kept for it; what waited goes on
    await add(services, "ben")
    await services.webhooks.update("demo", webhook.id, {"active": True})
    assert len(await settle_all(services, OK)) == 1


async def test_of_too_many_that_wait_the_oldest_give_way_and_can_be_replayed(
    make_settings: MakeSettings, clock: Clock
) -> None:
    async with open_services(make_settings(webhook_backlog_max=3), clock) as services:
        await services.apps.create("demo", None)
        webhook = await services.webhooks.create("demo", {"url": URL})
        await settle_all(services, OK)
        for number in range(5):
            await add(services, f"u{number}")
        await services.deliveries.tend()
        statuses = [one.status.value for one in await log_of(services, webhook)]
        assert statuses == ["failed", "failed", "pending", "pending", "pending"]
        [oldest, _] = await log_of(services, webhook, DeliveryStatus.FAILED)
        assert oldest.last_error == "Gave way to newer ones: too many were waiting."
        text = services.metrics.render().decode()
        assert 'chatsrv_limits_reached_total{limit="webhook_backlog_max"} 2.0' in text
        assert await services.webhooks.replay("demo", webhook.id, Replay(status=DeliveryStatus.FAILED)) == 2
        assert len(await settle_all(services, OK)) == 5


async def test_what_waits_and_for_how_long_is_measured(services: Services, webhook: Webhook, clock: Clock) -> None:
    await services.deliveries.tend()
    assert "chatsrv_webhook_queue 0.0" in services.metrics.render().decode()
    await add(services, "anna")
    clock.advance(60)
    await add(services, "ben")
    await services.deliveries.tend()
    text = services.metrics.render().decode()
    assert "chatsrv_webhook_queue 2.0" in text
    [age] = [line.split()[1] for line in text.splitlines() if line.startswith("chatsrv_webhook_queue_seconds ")]
    assert 60 <= float(age) < 120


async def test_the_log_is_kept_for_some_days(services: Services, webhook: Webhook, clock: Clock) -> None:
    await add(services, "anna")
    await settle_all(services, OK)
    clock.advance(6.9 * 86_400)
    await add(services, "ben")
    await services.tidying.tidy()
    assert len(await log_of(services, webhook)) == 2
    clock.advance(0.2 * 86_400)
    await services.tidying.tidy()
    assert len(await log_of(services, webhook)) == 1
    async with services.db.read() as tx:
        for table in (webhook_events, webhook_deliveries):
            assert len((await tx.execute(select(table))).all()) == 1


async def test_what_was_delivered_is_replayed_by_range_with_the_same_id(
    services: Services, webhook: Webhook, clock: Clock
) -> None:
    for name in ("anna", "ben", "cleo"):
        await add(services, name)
        clock.advance(60)
    first = await settle_all(services, OK)
    made = [one.created_at for one in await log_of(services, webhook)]
    assert await services.webhooks.replay("demo", webhook.id, Replay(made[1], made[1])) == 1
    assert [one.event_id for one in await settle_all(services, OK)] == [first[1].event_id]
    assert await services.webhooks.replay("demo", webhook.id, Replay(since=made[1])) == 2
    assert await services.webhooks.replay("demo", webhook.id, Replay(until=made[0])) == 2  # with the ping


async def test_what_waits_for_its_next_attempt_is_hurried_by_its_own_id_alone(
    services: Services, webhook: Webhook
) -> None:
    await add(services, "anna")
    await settle_all(services, Attempt(400, "Answered 400."))
    [delivery] = await log_of(services, webhook)
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.RETRYING, 1)
    assert await services.webhooks.replay("demo", webhook.id, Replay(status=DeliveryStatus.RETRYING)) == 0
    assert await settle_all(services, OK) == []
    again = await services.webhooks.replay_one("demo", webhook.id, delivery.id)
    assert (again.status, again.attempts, again.last_error) == (DeliveryStatus.PENDING, 0, None)
    assert [one.id for one in await settle_all(services, OK)] == [delivery.id]


async def test_nothing_is_replayed_to_a_webhook_that_is_not_active_nor_what_is_anothers(
    services: Services, webhook: Webhook
) -> None:
    await add(services, "anna")
    [delivery] = await log_of(services, webhook)
    another = await services.webhooks.create("demo", {"url": URL})
    with pytest.raises(NotFound):
        await services.webhooks.replay_one("demo", another.id, delivery.id)
    await services.webhooks.update("demo", webhook.id, {"active": False})
    for doing in (
        services.webhooks.replay_one("demo", webhook.id, delivery.id),
        services.webhooks.replay("demo", webhook.id, Replay()),
        services.webhooks.ping("demo", webhook.id),
    ):
        with pytest.raises(WrongState):
            await doing


async def test_a_webhook_is_deleted_while_events_are_written_for_it(services: Services, demo: DemoApp) -> None:
    """Nobody's change fails because of it."""
    for _ in range(5):
        made = await services.webhooks.create("demo", {"url": URL})
        await asyncio.gather(
            *(services.users.create("demo", {"username": f"u{made.id}-{n}"}, SERVER) for n in range(8)),
            services.webhooks.delete("demo", made.id),
        )
    assert await services.users.count("demo") == 40
