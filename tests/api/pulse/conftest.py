"""Who asks in the tests of the Pulse dialect."""

from __future__ import annotations

import pytest

from tests.api.pulse.people import as_pulse
from tests.client import ApiClient
from tests.conftest import DemoApp


@pytest.fixture
def pulse(api: ApiClient, demo: DemoApp) -> ApiClient:
    """The demo app's server key."""
    return as_pulse(api, demo.key)
