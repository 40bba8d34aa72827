"""What a client may do on one connection, however often it comes and goes on it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from itertools import chain, repeat

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.domain.presence import SERVER
from chatsrv.realtime.conduct import MORE_PACKETS
from chatsrv.services import Services, open_services
from tests.conftest import DemoApp, MakeSettings
from tests.realtime.conftest import eventually, has_no_sockets, running_node, token_of
from tests.realtime.raw_socket import RawSocket, frame, head_of

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

BURST = 10


@pytest.fixture
async def services(make_settings: MakeSettings, clock: Clock) -> AsyncIterator[Services]:
    """No time passes: nothing that was counted is given back."""
    async with open_services(make_settings(socket_events_per_minute=60, socket_events_burst=BURST), clock) as opened:
        yield opened


def packets(*kinds: Iterable[str]) -> list[bytes]:
    return [frame(packet) for packet in chain(*kinds)]


@pytest.mark.parametrize("kind", ["comings and goings", "answers to nothing", "other namespaces", "events in portions"])
async def test_whoever_never_stops_is_cut_off_whatever_they_send(services: Services, demo: DemoApp, kind: str) -> None:
    await services.users.create("demo", {"username": "anna"}, SERVER)
    hello = "40" + json.dumps({"token": await token_of(services, demo, "anna")})
    event = '42["presence:unsubscribe",{"usernames":[]}]'
    sent = {
        "comings and goings": packets(chain.from_iterable(repeat((hello, "41"), 200))),
        "answers to nothing": packets([hello], repeat("430[]", 200)),
        "other namespaces": packets([hello], repeat("40/admin,", 200)),
        "events in portions": packets(chain.from_iterable(repeat((hello, *[event] * (BURST - 1), "41"), 30))),
    }
    async with running_node(services) as url:
        raw = await RawSocket.dial(url)
        await raw.open()
        for at in range(0, len(sent[kind]), 10):
            await raw.send(b"".join(sent[kind][at : at + 10]))
        await raw.rest()
        raw.leave()
        opened = services.metrics.registry.get_sample_value("chatsrv_socket_connects_total", {"outcome": "ok"}) or 0
        assert opened <= 1 + BURST + MORE_PACKETS
        reached = {"limit": "socket_events_burst"}
        assert services.metrics.registry.get_sample_value("chatsrv_limits_reached_total", reached) == 1
        await eventually(lambda: has_no_sockets(services), "nobody is left behind")


async def test_an_opening_that_is_refused_for_its_rate_is_counted_once_and_told_when_to_come_back(
    make_settings: MakeSettings, clock: Clock
) -> None:
    settings = make_settings(address_rate_per_minute=60, address_rate_burst=1)
    async with open_services(settings, clock) as services, running_node(services) as url:
        asked: list[str] = []
        count = services.addresses.count_request

        def counting(address: str) -> None:
            asked.append(address)
            count(address)

        services.addresses.count_request = counting  # type: ignore[method-assign]
        first, second = await RawSocket.dial(url), await RawSocket.dial(url)
        await first.open()
        await second.send(head_of())
        refused = await second.read_head()
        assert (refused.status, refused.headers["retry-after"]) == (429, "1")
        for raw in (first, second):
            raw.leave()
        assert len(asked) == 2
