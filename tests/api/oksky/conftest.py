"""Clients of the OkSky dialect."""

from __future__ import annotations

import pytest

from tests.api.oksky.people import Sky, as_key
from tests.client import ApiClient
from tests.conftest import DemoApp


@pytest.fixture
def sky(api: ApiClient, demo: DemoApp) -> Sky:
    """The running server, asked with the demo app's server key."""
    return as_key(api, demo.key)
