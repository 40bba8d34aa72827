"""Sending: what goes out, what follows from the answer, and whom a receiver in trouble troubles."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from aiohttp import web
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from chatsrv.domain.audit import AuditQuery
from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import SERVER
from chatsrv.domain.webhooks import Delivery, DeliveryQuery, DeliveryStatus, Replay, Webhook
from chatsrv.outbound import Sender
from chatsrv.services import Services, open_services
from chatsrv.services.lookups import MOST_OF_APP, Names
from tests.conftest import DemoApp, MakeSettings
from tests.outbound.conftest import send
from tests.outbound.receiver import Receiver, answering, receiving, well

DAY_S = 86_400


async def add_users(services: Services, *names: str) -> None:
    for name in names:
        await services.users.create("demo", {"username": name}, SERVER)


async def log_of(services: Services, webhook: Webhook) -> list[Delivery]:
    """All but the ping, the oldest first."""
    found, _ = await services.webhooks.deliveries("demo", webhook.id, DeliveryQuery(1000))
    return [one for one in reversed(found) if one.type != "ping"]


async def test_what_is_sent_is_what_standard_webhooks_says(
    services: Services, demo: DemoApp, receiver: Receiver, sender: Sender
) -> None:
    webhook = await services.webhooks.create(demo.id, {"url": f"{receiver.url}/hooks?a=b"})
    await add_users(services, "anna")
    await send(sender)
    ping, created = receiver.got
    for one in (ping, created):
        assert one.path == "/hooks?a=b"
        assert Verifier(webhook.secret).verify(one.body, dict(one.headers)) == one.event
        assert one.headers["webhook-id"] == one.event["id"]
        assert one.headers["Content-Type"] == "application/json"
    assert [ping.type, created.type] == ["ping", "user.created"]
    assert [ping.event["seq"], created.event["seq"]] == [1, 2]
    assert ping.event["data"] == {"webhook_id": webhook.id}
    assert created.event["app"] == "demo"
    assert created.event["data"]["username"] == "anna"


async def test_a_secret_that_was_replaced_signs_along_for_a_day(
    services: Services, webhook: Webhook, receiver: Receiver, sender: Sender, clock: Clock
) -> None:
    fresh = await services.webhooks.rotate_secret("demo", webhook.id)
    await add_users(services, "anna")
    await send(sender)
    for secret in (webhook.secret, fresh.secret):
        Verifier(secret).verify(receiver.got[0].body, dict(receiver.got[0].headers))
    clock.advance(DAY_S)
    await add_users(services, "ben")
    await send(sender)
    assert len(receiver.got[1].headers["webhook-signature"].split()) == 1
    assert len(receiver.got[0].headers["webhook-signature"].split()) == 2


async def test_another_secret_verifies_nothing(
    webhook: Webhook, services: Services, receiver: Receiver, sender: Sender
) -> None:
    other = await services.webhooks.create("demo", {"url": receiver.url, "events": ["user.deleted"]})
    await add_users(services, "anna")
    await send(sender)
    created = next(one for one in receiver.got if one.type == "user.created")
    with pytest.raises(WebhookVerificationError):
        Verifier(other.secret).verify(created.body, dict(created.headers))


async def test_a_failure_is_tried_again_later_and_later_with_the_same_id_and_body(
    services: Services, webhook: Webhook, receiver: Receiver, sender: Sender, clock: Clock
) -> None:
    receiver.answer = answering(500)
    await add_users(services, "anna")
    waits = []
    for wait_s in (5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800):
        await send(sender)
        [delivery] = await log_of(services, webhook)
        assert delivery.status is DeliveryStatus.RETRYING
        assert (delivery.last_status, delivery.last_error) == (500, "Answered 500: No.")
        waits.append(wait_s)
        assert delivery.attempts == len(receiver.got) == len(waits)
        clock.advance(wait_s - 1)
        await send(sender)
        assert len(receiver.got) == len(waits)
        clock.advance(1.5)
    receiver.answer = well
    await send(sender)
    [delivery] = await log_of(services, webhook)
    assert (delivery.status, delivery.attempts, delivery.last_error) == (DeliveryStatus.DELIVERED, 10, None)
    assert {(one.headers["webhook-id"], one.body) for one in receiver.got} == {
        (delivery.event_id, receiver.got[0].body)
    }
    timestamps = [one.headers["webhook-timestamp"] for one in receiver.got]
    assert len(set(timestamps)) == len(timestamps)


async def test_after_a_day_a_delivery_has_failed_for_good(
    services: Services, webhook: Webhook, receiver: Receiver, sender: Sender, clock: Clock
) -> None:
    receiver.answer = answering(400)
    await add_users(services, "anna")
    clock.advance(DAY_S - 1)
    await send(sender)
    [delivery] = await log_of(services, webhook)
    assert (delivery.status, delivery.next_attempt_at) == (DeliveryStatus.FAILED, 0)
    clock.advance(DAY_S)
    await send(sender)
    assert len(receiver.got) == 1


async def test_what_waited_while_no_server_ran_is_tried_though_it_is_over_its_time(
    services: Services, webhook: Webhook, receiver: Receiver, sender: Sender, clock: Clock
) -> None:
    await add_users(services, "anna")
    clock.advance(2 * DAY_S)
    await services.deliveries.tend()
    await send(sender)
    assert receiver.types == ["user.created"]


async def test_what_is_over_its_time_at_a_failing_receiver_is_given_up_without_another_attempt(
    services: Services, webhook: Webhook, receiver: Receiver, sender: Sender, clock: Clock
) -> None:
    receiver.answer = answering(500)
    await add_users(services, *(f"u{number}" for number in range(10)))
    await send(sender)
    tried = len(receiver.got)
    assert tried < 10
    clock.advance(DAY_S + 1)
    await services.deliveries.tend()
    assert {one.status for one in await log_of(services, webhook)} == {DeliveryStatus.FAILED}
    await send(sender)
    assert len(receiver.got) == tried


async def test_one_event_that_is_refused_holds_up_no_other(
    services: Services, webhook: Webhook, receiver: Receiver, sender: Sender
) -> None:
    receiver.answer = lambda _, event: web.Response(status=422 if event["data"]["username"] == "anna" else 200)
    await add_users(services, "anna", "ben", "cleo", "dora", "emil")
    await send(sender)
    assert [one.status.value for one in await log_of(services, webhook)] == ["retrying", *["delivered"] * 4]


async def test_one_event_that_breaks_the_receiver_holds_up_the_others_for_a_moment_alone(
    services: Services, webhook: Webhook, receiver: Receiver, sender: Sender, clock: Clock
) -> None:
    receiver.answer = lambda _, event: web.Response(status=500 if event["data"]["username"] == "anna" else 200)
    await add_users(services, "anna", "ben", "cleo")
    for _ in range(5):
        await send(sender)
        clock.advance(60)
    assert [one.status.value for one in await log_of(services, webhook)] == ["retrying", "delivered", "delivered"]


async def test_a_receiver_that_fails_is_not_hammered_with_its_queue(
    services: Services, webhook: Webhook, receiver: Receiver, sender: Sender, clock: Clock
) -> None:
    receiver.answer = answering(503)
    await add_users(services, *(f"u{number}" for number in range(30)))
    for _ in range(20):
        await send(sender)
    assert len(receiver.got) <= 4
    tried = len(receiver.got)
    clock.advance(11)
    await send(sender)
    # one alone asks whether it is well again
    assert len(receiver.got) == tried + 1
    receiver.answer = well
    clock.advance(61)
    await send(sender)
    done = [one.seq for one in await log_of(services, webhook) if one.status is DeliveryStatus.DELIVERED]
    assert len(done) >= 25


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "date"])
async def test_whoever_asks_to_be_left_alone_is(
    services: Services, webhook: Webhook, receiver: Receiver, sender: Sender, clock: Clock, status: int, as_date: bool
) -> None:
    later = web.Response()
    later.last_modified = (clock.now() + 900_000) / 1000
    receiver.answer = answering(status, **{"Retry-After": later.headers["Last-Modified"] if as_date else "900"})
    await add_users(services, "anna", "ben", "cleo")
    await send(sender)
    tried = len(receiver.got)
    assert tried <= 2
    clock.advance(880)
    await send(sender)
    assert len(receiver.got) == tried
    receiver.answer = well
    clock.advance(30)
    await send(sender)
    assert len(receiver.got) > tried


async def test_a_receiver_that_is_gone_ends_the_webhook(
    services: Services, webhook: Webhook, receiver: Receiver, sender: Sender
) -> None:
    receiver.answer = answering(410)
    await add_users(services, "anna", "ben", "cleo")
    await send(sender)
    await add_users(services, "dora")
    found = await services.webhooks.get("demo", webhook.id)
    assert (found.active, found.disabled_reason) == (False, "The receiver answered 410: it is gone.")
    assert [one.status.value for one in await log_of(services, webhook)] == ["failed"] * 3
    [entry] = await services.audit.find("demo", AuditQuery(10, actions=("webhook_disabled",)))
    assert (entry.subject, entry.actor_kind) == (str(webhook.id), "system")


async def test_a_webhook_to_which_nothing_arrived_for_days_is_disabled_and_can_be_made_active_again(
    services: Services, webhook: Webhook, receiver: Receiver, sender: Sender, clock: Clock
) -> None:
    receiver.answer = answering(500)
    await add_users(services, "anna")
    await send(sender)
    clock.advance(4 * DAY_S)
    await add_users(services, "ben")
    await send(sender)
    assert (await services.webhooks.get("demo", webhook.id)).active
    clock.advance(DAY_S)
    await add_users(services, "cleo")
    await send(sender)
    found = await services.webhooks.get("demo", webhook.id)
    assert (found.active, found.disabled_reason) == (False, "Nothing arrived for 5 days.")
    receiver.answer = well
    receiver.got.clear()
    found = await services.webhooks.update("demo", webhook.id, {"active": True})
    assert (found.active, found.disabled_reason, found.failing_since) == (True, None, 0)
    assert await services.webhooks.replay("demo", webhook.id, Replay(status=DeliveryStatus.FAILED)) == 3
    await send(sender)
    assert receiver.types == ["user.created"] * 3


async def test_a_redirect_is_not_followed(
    services: Services, webhook: Webhook, receiver: Receiver, sender: Sender
) -> None:
    async with receiving() as elsewhere:
        receiver.answer = answering(307, Location=elsewhere.url)
        await add_users(services, "anna")
        await send(sender)
        assert elsewhere.got == []
    [delivery] = await log_of(services, webhook)
    assert delivery.last_status == 307


async def test_of_an_answer_without_end_a_little_is_read(
    services: Services, webhook: Webhook, receiver: Receiver, sender: Sender
) -> None:
    written = 0

    async def pour(request: web.Request, _: dict[str, Any]) -> web.StreamResponse:
        nonlocal written
        answer = web.StreamResponse(status=500)
        await answer.prepare(request)
        while True:
            await answer.write(b"x" * 10_000)
            written += 10_000

    receiver.answer = pour
    await add_users(services, "anna")
    await send(sender)
    [delivery] = await log_of(services, webhook)
    assert delivery.last_error == f"Answered 500: {'x' * 120}"
    assert written < 50_000_000


async def test_deliveries_of_another_app_come_while_the_names_of_one_hang(
    services: Services, demo: DemoApp, receiver: Receiver
) -> None:
    slow: set[str] = set()
    back = threading.Event()

    def ask(host: str) -> list[str]:
        if host.startswith("slow"):
            slow.add(host)
            back.wait(60)
        return ["127.0.0.1"]

    await services.apps.create("other", None)
    services.webhooks.names = Names(lambda _: ["127.0.0.1"])
    port = receiver.url.rpartition(":")[2]
    for number in range(10):
        await services.webhooks.create(demo.id, {"url": f"http://slow{number}.example:{port}/"})
    services.webhooks.names = Names(ask, limit_s=60)
    sender = Sender(services)
    try:
        await sender.begin_due()
        async with asyncio.timeout(20):
            while len(slow) < MOST_OF_APP:
                await asyncio.sleep(0.001)
            await services.webhooks.create("other", {"url": f"http://well.example:{port}/hooks"})
            await sender.begin_due()
            assert [one.event["app"] for one in await receiver.reached(1)] == ["other"]
            assert len(slow) == MOST_OF_APP
            back.set()
            await receiver.reached(11)
            await sender.drained()
    finally:
        back.set()
        await sender.close()


async def test_deliveries_of_others_come_while_a_receiver_hangs(
    make_settings: MakeSettings, clock: Clock, receiver: Receiver
) -> None:
    hang = asyncio.Event()

    async def wait(_request: web.Request, _event: dict[str, Any]) -> web.StreamResponse:
        await hang.wait()
        return web.Response()

    settings = make_settings(webhook_private_addresses=True)
    async with open_services(settings, clock) as services, receiving() as well_one:
        await services.apps.create("demo", None)
        receiver.answer = wait
        for url in (receiver.url, well_one.url):
            await services.webhooks.create("demo", {"url": url, "events": ["user.created"]})
        sender = Sender(services)
        rounds = asyncio.create_task(repeat(sender))
        try:
            async with asyncio.timeout(20):
                await receiver.reached(1)
                await add_users(services, *(f"u{number}" for number in range(40)))
                await well_one.reached(41)
            assert len(receiver.got) <= settings.webhook_in_flight
        finally:
            rounds.cancel()
            await asyncio.gather(rounds, return_exceptions=True)
            hang.set()
            await sender.close()


async def repeat(sender: Sender) -> None:
    while True:
        await sender.round()


async def test_one_webhook_has_so_many_under_way_and_one_that_is_to_be_in_order_has_one(
    make_settings: MakeSettings, receiver: Receiver
) -> None:
    async def take_a_moment(_request: web.Request, _event: dict[str, Any]) -> web.StreamResponse:
        await asyncio.sleep(0)
        return web.Response()

    receiver.answer = take_a_moment
    async with open_services(make_settings(webhook_private_addresses=True, webhook_in_flight=1)) as services:
        await services.apps.create("demo", None)
        await services.webhooks.create("demo", {"url": receiver.url})
        await add_users(services, *(f"u{number}" for number in range(30)))
        sender = Sender(services)
        await send(sender)
        await sender.close()
    assert receiver.seqs == list(range(1, 32))
    assert receiver.most_under_way == 1


async def test_something_new_is_sent_at_once(make_settings: MakeSettings, receiver: Receiver) -> None:
    """Long before the next look at what others left."""
    async with open_services(make_settings(webhook_private_addresses=True, webhook_every_s=3600)) as services:
        await services.apps.create("demo", None)
        sender = Sender(services)
        rounds = asyncio.create_task(repeat(sender))
        async with asyncio.timeout(10):
            await services.webhooks.create("demo", {"url": receiver.url})
            await receiver.reached(1)
            await add_users(services, "anna")
            await receiver.reached(2)
        rounds.cancel()
        await asyncio.gather(rounds, return_exceptions=True)
        await sender.close()
    assert receiver.types == ["ping", "user.created"]


async def test_what_a_sender_that_died_had_is_sent_by_another_after_its_lease(
    services: Services, webhook: Webhook, receiver: Receiver, sender: Sender, make_settings: MakeSettings, clock: Clock
) -> None:
    over = asyncio.Event()

    async def hang(_request: web.Request, _event: dict[str, Any]) -> web.StreamResponse:
        await over.wait()
        return web.Response()

    receiver.answer = hang
    await add_users(services, "anna", "ben", "cleo")
    await sender.begin_due()
    async with asyncio.timeout(10):
        await receiver.reached(2)
    for task in sender._serving:
        task.cancel()  # it is killed: nothing is released
    over.set()
    receiver.answer = well
    receiver.got.clear()
    async with open_services(make_settings(webhook_private_addresses=True), clock) as others:
        other = Sender(others)
        await send(other)
        assert receiver.got == []
        clock.advance(31)
        await send(other)
        await other.close()
    assert [event["data"]["username"] for event in receiver.events] == ["anna", "ben", "cleo"]


async def test_a_sender_that_ends_in_order_leaves_what_it_had_to_others_at_once(
    services: Services, webhook: Webhook, receiver: Receiver, make_settings: MakeSettings, clock: Clock
) -> None:
    await add_users(services, "anna")
    ending = Sender(services)
    assert await services.deliveries.claim(10)
    await ending.close()
    async with open_services(make_settings(webhook_private_addresses=True), clock) as others:
        other = Sender(others)
        await send(other)
        await other.close()
    assert receiver.types == ["user.created"]
