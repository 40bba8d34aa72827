"""Deliveries: what is due where, who sends it, and what follows from how it went.

One process at a time sends to a webhook: it holds a lease of it in SQL, which others take over when it has ended. So
nothing is lost by a process that dies, and what it had under way is sent once more.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from uuid_utils import uuid4

from chatsrv.domain.attempts import Attempt, Patience, Then, next_attempt_at, pause_ms, what_then
from chatsrv.domain.audit import Act, Action
from chatsrv.domain.clock import Clock
from chatsrv.domain.instants import NEVER
from chatsrv.domain.webhooks import DeliveryStatus, Due, Webhook
from chatsrv.metrics import Metrics
from chatsrv.services import audit
from chatsrv.settings import Settings
from chatsrv.storage import deliveries as rows
from chatsrv.storage import webhooks as webhook_rows
from chatsrv.storage.database import Database, Transaction

log = structlog.get_logger(__name__)

BATCH = 20
TENDED = 1000
DAY_MS = 24 * 60 * 60 * 1000
ERROR_MAX = 300

IS_GONE = "The receiver answered 410: it is gone."
IS_OVER = "Not delivered in time: the receiver was failing."
IS_TOO_MUCH = "Gave way to newer ones: too many were waiting."


class Deliveries:
    """`stirred` is set when something may have become due. Every method that awaits raises Unavailable."""

    def __init__(self, db: Database, settings: Settings, clock: Clock, metrics: Metrics) -> None:
        self._db = db
        self._clock = clock
        self._metrics = metrics
        self._lease_ms = int(settings.webhook_lease_s * 1000)
        self._disable_ms = int(settings.webhook_disable_after_days * DAY_MS)
        self._backlog_max = settings.webhook_backlog_max
        delays_ms = tuple(int(delay_s * 1000) for delay_s in settings.webhook_retries_s)
        self._patience = Patience(delays_ms, int(settings.webhook_give_up_s * 1000))
        self._owner = uuid4().hex
        self._held: set[int] = set()
        self.stirred = asyncio.Event()
        self.jitter = random.random

    async def claim(self, most: int) -> Sequence[Webhook]:
        """Webhooks with something due, to which this process alone sends until it releases them, or its lease ends."""
        now = self._clock.now()
        async with self._db.read() as tx:
            waiting = await webhook_rows.find_waiting(tx, now, most)
        if not waiting:
            return ()
        async with self._db.write() as tx:
            leased = await webhook_rows.lease(tx, waiting, self._owner, now, now + self._lease_ms)
        self._held |= {webhook.id for webhook in leased}
        return leased

    async def find_due(self, webhook: Webhook) -> tuple[Webhook, Sequence[Due]]:
        """The webhook as it is now, and the next few, in the order of their numbers; none where it is not active."""
        now = self._clock.now()
        async with self._db.read() as tx:
            fresh = await webhook_rows.get(tx, webhook.app_id, webhook.id)
            if fresh is None or not fresh.active or fresh.paused_until > now:
                return fresh or webhook, ()
            return fresh, await rows.find_due(tx, webhook.id, now, BATCH)

    async def settle(self, webhook: Webhook, due: Due, attempt: Attempt) -> bool:
        """Keeps what came of it; whether the receiver is to be sent more now."""
        now, attempts = self._clock.now(), due.attempts + 1
        next_at = next_attempt_at(attempt, attempts, now, self._patience, self.jitter())
        then = what_then(attempt, next_at, due.give_up_at)
        self._metrics.webhook_deliveries.labels(then.value).inc()
        self._metrics.webhook_seconds.observe(attempt.took_s)
        kept = {"attempts": attempts, "last_status": attempt.status, **_outcome(then, attempt, next_at, now)}
        async with self._db.write() as tx:
            await rows.settle(tx, due, kept)
            if then is Then.DELIVERED:
                await webhook_rows.note_success(tx, webhook.id, self._owner, now, now + self._lease_ms)
                return True
            return await self._note_failure(tx, webhook, attempt, then, now)

    async def _note_failure(self, tx: Transaction, webhook: Webhook, attempt: Attempt, then: Then, now: int) -> bool:
        found = await webhook_rows.get_for_update(tx, webhook.app_id, webhook.id)
        if found is None:
            return False
        failures, since = found.failures + 1, found.failing_since or now
        paused_until = now + pause_ms(attempt, failures)
        values = {"failures": failures, "failing_since": since, "paused_until": max(paused_until, found.paused_until)}
        await webhook_rows.note_failure(tx, found.id, self._owner, values, now + self._lease_ms)
        if found.active and (then is Then.GONE or self._is_hopeless(since, now)):
            why = IS_GONE if then is Then.GONE else f"Nothing arrived for {(now - since) / DAY_MS:.0f} days."
            await self._disable(tx, found, why, now)
            return False
        return found.active and paused_until <= now

    def _is_hopeless(self, since: int, now: int) -> bool:
        return bool(self._disable_ms) and now - since >= self._disable_ms

    async def _disable(self, tx: Transaction, webhook: Webhook, why: str, now: int) -> None:
        await webhook_rows.change(tx, webhook.id, {"active": False, "disabled_reason": why, "updated_at": now})
        count = await rows.give_up(tx, webhook.id, why)
        await audit.note(tx, now, Act(Action.WEBHOOK_DISABLED, webhook.app_id, str(webhook.id), {"why": why}))
        self._metrics.webhooks_disabled.inc()
        log.warning("webhook_disabled", app=webhook.app_id, webhook=webhook.id, why=why, given_up=count)

    async def release(self, webhook: Webhook) -> None:
        """Others may send to it."""
        async with self._db.write() as tx:
            await webhook_rows.release(tx, self._owner, self._clock.now(), [webhook.id])
        self._held.discard(webhook.id)

    async def release_all(self) -> None:
        """Whatever is held."""
        if self._held:
            async with self._db.write() as tx:
                await webhook_rows.release(tx, self._owner, self._clock.now(), self._held)
            self._held.clear()

    async def tend(self) -> None:
        """Gives up what is over its time or too much, and counts what waits."""
        async with self._db.read() as tx:
            queues = await rows.queues(tx)
        for queue in queues:
            if queue.length > self._backlog_max:
                await self._cut(queue.webhook_id, queue.length - self._backlog_max)
        if queues:
            await self._give_up_old()
        now = self._clock.now()
        oldest_at = min((queue.oldest_at for queue in queues), default=now)
        self._metrics.webhook_queue.set(sum(queue.length for queue in queues))
        self._metrics.webhook_queue_seconds.set(max(now - oldest_at, 0) / 1000)

    async def _cut(self, webhook_id: int, surplus: int) -> None:
        while surplus > 0:
            async with self._db.write() as tx:
                cut = await rows.give_up(tx, webhook_id, IS_TOO_MUCH, min(surplus, TENDED))
            self._metrics.limits_reached.labels("webhook_backlog_max").inc(cut)
            self._metrics.webhook_deliveries.labels(Then.FAILED.value).inc(cut)
            surplus = surplus - cut if cut else 0

    async def _give_up_old(self) -> None:
        given_up = TENDED
        while given_up == TENDED:
            async with self._db.write() as tx:
                given_up = await rows.give_up_old(tx, self._clock.now(), IS_OVER, TENDED)
            self._metrics.webhook_deliveries.labels(Then.FAILED.value).inc(given_up)


def _outcome(then: Then, attempt: Attempt, next_at: int, now: int) -> Mapping[str, Any]:
    if then is Then.DELIVERED:
        done = {"status": DeliveryStatus.DELIVERED.value, "delivered_at": now}
        return {**done, "last_error": None, "next_attempt_at": None}
    is_on = then is Then.RETRIED
    status = DeliveryStatus.RETRYING if is_on else DeliveryStatus.FAILED
    return {
        "status": status.value,
        "delivered_at": NEVER,
        "last_error": attempt.error[:ERROR_MAX],
        "next_attempt_at": next_at if is_on else None,
    }
