"""What tests of a node's memory share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.services import Services, open_services
from tests.conftest import MakeSettings


@pytest.fixture
async def other(services: Services, make_settings: MakeSettings, clock: Clock) -> AsyncIterator[Services]:
    """Another node on the same stores."""
    async with open_services(make_settings(), clock) as opened:
        yield opened
