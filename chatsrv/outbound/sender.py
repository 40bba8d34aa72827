"""Sending what is due: a few deliveries to each of many webhooks at once, so that a slow one delays itself alone."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

import structlog

from chatsrv.domain.errors import Unavailable
from chatsrv.domain.webhooks import Due, Webhook
from chatsrv.outbound.poster import Poster
from chatsrv.services import Services

log = structlog.get_logger(__name__)

ROUNDS = 50
"""So often one that holds a webhook looks for more before others may have it."""
FINISH_S = 2.0
"""What is under way at the end may take so long."""


class Sender:
    """Close it: what it holds is others' to send from then on. `poster` is the sender's, from here on."""

    def __init__(self, services: Services, poster: Poster | None = None) -> None:
        settings = services.settings
        self._deliveries = services.deliveries
        self._poster = poster or Poster(settings, services.clock, services.webhooks.names)
        self._most = settings.webhook_senders
        self._in_flight = settings.webhook_in_flight
        self._every_s = settings.webhook_every_s
        self._serving: set[asyncio.Task[None]] = set()
        self._is_closing = False

    async def round(self) -> None:
        """Begins with what is due, and returns when something new may be, a while later at the latest.

        Raises Unavailable, after that while.
        """
        self._deliveries.stirred.clear()
        try:
            await self.begin_due()
        except Unavailable:
            await asyncio.sleep(self._every_s)
            raise
        with suppress(TimeoutError):
            async with asyncio.timeout(self._every_s):
                await self._deliveries.stirred.wait()

    async def begin_due(self) -> None:
        free = self._most - len(self._serving)
        for webhook in await self._deliveries.claim(free) if free > 0 else ():
            task = asyncio.create_task(self._serve(webhook), name=f"webhook {webhook.id}")
            self._serving.add(task)
            task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        """Something may have come for the webhook while this held it."""
        self._serving.discard(task)
        self._deliveries.stirred.set()

    async def drained(self) -> None:
        """Until nothing is under way."""
        while self._serving:
            await asyncio.wait(self._serving)

    async def close(self) -> None:
        self._is_closing = True
        if self._serving:
            _, late = await asyncio.wait(self._serving, timeout=FINISH_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        with suppress(Unavailable):
            await self._deliveries.release_all()
        await self._poster.close()

    async def _serve(self, webhook: Webhook) -> None:
        try:
            await self._send_for_a_while(webhook)
            await self._deliveries.release(webhook)
        except* Unavailable as errors:
            # its lease ends by itself, and what was sent meanwhile is sent once more
            log.info("webhook_left", app=webhook.app_id, webhook=webhook.id, reason=str(errors.exceptions[0]))
        except* Exception:
            log.exception("webhook_failed", app=webhook.app_id, webhook=webhook.id)

    async def _send_for_a_while(self, webhook: Webhook) -> None:
        for _ in range(ROUNDS):
            fresh, due = await self._deliveries.find_due(webhook)
            if not due or self._is_closing or not await self._send(fresh, due):
                return

    async def _send(self, webhook: Webhook, due: Sequence[Due]) -> bool:
        """Begun in their order; whether the receiver is to be sent more now."""
        queue, goes_on = deque(due), True

        async def go() -> None:
            nonlocal goes_on
            while queue and goes_on and not self._is_closing:
                item = queue.popleft()
                attempt = await self._poster.post(webhook, item)
                goes_on = await self._deliveries.settle(webhook, item, attempt) and goes_on

        # one that fails is asked by one alone whether it is well again
        lanes = 1 if webhook.failures else self._in_flight
        async with asyncio.TaskGroup() as group:
            for _ in range(min(lanes, len(due))):
                group.create_task(go())
        return goes_on
