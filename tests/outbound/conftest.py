"""What the tests of webhooks share: a receiver, a node that may send to it, and a sender that does so when told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.webhooks import Webhook
from chatsrv.outbound import Sender
from chatsrv.services import Services, open_services
from tests.conftest import DemoApp, MakeSettings
from tests.outbound.receiver import Receiver, receiving


@pytest.fixture
def database_source(sqlite_template: Path) -> Path:
    """What is SQL alone is tried with both databases in tests/services/test_deliveries.py."""
    return sqlite_template


@pytest.fixture
async def services(make_settings: MakeSettings, clock: Clock) -> AsyncIterator[Services]:
    async with open_services(make_settings(webhook_private_addresses=True), clock) as opened:
        opened.deliveries.jitter = lambda: 0.5
        yield opened


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as opened:
        yield opened


@pytest.fixture
async def sender(services: Services) -> AsyncIterator[Sender]:
    opened = Sender(services)
    yield opened
    await opened.close()


@pytest.fixture
async def webhook(services: Services, demo: DemoApp, receiver: Receiver, sender: Sender) -> Webhook:
    """It is told of everything; its ping has come."""
    made = await services.webhooks.create(demo.id, {"url": f"{receiver.url}/hooks"})
    await send(sender)
    receiver.got.clear()
    return made


async def send(sender: Sender) -> None:
    """Everything that is due."""
    await sender.begin_due()
    await sender.drained()
