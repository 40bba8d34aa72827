"""What every kind of ending on the wire means for presence, and clients that do not read: on a whole node."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from chatsrv.domain.clock import Clock
from chatsrv.services import Services
from tests.client import ApiClient
from tests.realtime.conftest import Client, Connect, eventually, shows
from tests.realtime.raw_socket import BINARY, CLOSE, PING, RawSocket, closing, frame, length_of

pytestmark = pytest.mark.parametrize("database_source", ["sqlite_template"], indirect=True)

Act = Callable[[RawSocket], Awaitable[None]]


async def sit_down(node: str, token: str, receive_buffer: int | None = None) -> RawSocket:
    """A raw client that is let in."""
    raw = await RawSocket.dial(node, receive_buffer)
    await raw.open(frame("40" + json.dumps({"token": token})))
    await raw.read_joined()
    while not (await raw.read_text()).startswith('42["hello"'):
        pass
    return raw


@pytest.fixture
async def raw(node: str, token: str) -> AsyncIterator[RawSocket]:
    """Anna's socket, with hello behind her."""
    raw = await sit_down(node, token)
    yield raw
    raw.leave()


@pytest.fixture
async def bob(connect: Connect) -> Client:
    """A stock client beside her, which watches her; nothing else happens to it."""
    bob = await connect("bob")
    answer = await bob.io.call("presence:subscribe", {"usernames": ["anna"]}, timeout=5)
    assert [user["username"] for user in answer["users"]] == ["anna"]
    return bob


async def is_well(bob: Client, *statuses: int) -> None:
    """What bob was told of anna, and that he is served as ever."""
    for status in statuses:
        (change,) = (await bob.next("presence:diff"))["changes"]
        assert (change["username"], change["presence_status"]) == ("anna", status)
    answer = await bob.io.call("presence:query", {"usernames": ["bob"]}, timeout=5)
    assert [user["presence_status"] for user in answer["users"]] == [1]
    assert bob.events.empty()


def sends(*data: bytes) -> Act:
    async def act(raw: RawSocket) -> None:
        await raw.send(*data)

    return act


async def hangs_up(raw: RawSocket) -> None:
    raw.finish()


async def breaks(raw: RawSocket) -> None:
    raw.reset()


ENDINGS = {
    "a close with 1001": sends(closing(1001)),
    "a close without a code": sends(closing(None)),
    "a close with 4000": sends(closing(4000)),
    "an Engine.IO close": sends(frame("1")),
    "a FIN": hangs_up,
    "a RST": breaks,
    "a close with a bad code": sends(closing(1005)),
    "an unmasked frame": sends(frame("3", mask=None)),
    "a reserved opcode": sends(frame("3", 3)),
    "a compressed frame": sends(frame("3", rsv=4)),
    "a frame that is too big": sends(b"\x81" + length_of(2**40, 9)),
    "a message that is not UTF-8": sends(frame(b"42\xff")),
    "a binary message": sends(frame(b"42", BINARY)),
    "a packet that does not exist": sends(frame("x")),
    "a reserved event": sends(frame('42["disconnect","transport close"]')),
}


@pytest.mark.parametrize("act", ENDINGS.values(), ids=ENDINGS)
async def test_who_is_lost_is_seen_until_the_grace_is_over(
    raw: RawSocket, bob: Client, api: ApiClient, services: Services, clock: Clock, act: Act
) -> None:
    await act(raw)
    await eventually(lambda: is_alone(services), "the node has noticed")
    clock.advance(services.settings.grace_s - 2)
    await services.upkeep.sweep()
    assert await shows(api, 1)
    await is_well(bob)
    clock.advance(4)
    await services.upkeep.sweep()
    assert await shows(api, 0)
    await is_well(bob, 0)


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(sends(closing(1000)), id="a close with 1000"),
        pytest.param(sends(closing(1000, b"bye")), id="a close with 1000 and words"),
        pytest.param(sends(frame("41")), id="a disconnect packet"),
        pytest.param(sends(frame("41") + closing(1001)), id="a disconnect packet and a close in one segment"),
        pytest.param(sends(frame("41") + frame("3", 3)), id="a disconnect packet and nonsense in one segment"),
    ],
)
async def test_who_logs_out_is_offline_at_once(raw: RawSocket, bob: Client, api: ApiClient, act: Act) -> None:
    await act(raw)
    await eventually(lambda: shows(api, 0), "anna is offline")
    await is_well(bob, 0)


@pytest.mark.parametrize("act", ENDINGS.values(), ids=ENDINGS)
async def test_who_is_lost_may_come_back_and_nobody_has_seen_it(
    raw: RawSocket, bob: Client, node: str, token: str, services: Services, act: Act
) -> None:
    await act(raw)
    await eventually(lambda: is_alone(services), "the node has noticed")
    again = await sit_down(node, token)
    await is_well(bob)
    again.leave()


async def test_commands_come_through_in_any_form_of_frame(raw: RawSocket) -> None:
    packet = b'421["presence:query",{"usernames":["anna"]}]'
    parts = [packet[at : at + 1] for at in range(len(packet))]
    await raw.send(*(frame(part, 0 if at else 1, fin=at == len(parts) - 1) for at, part in enumerate(parts)))
    answer = await raw.read_text()
    assert json.loads(answer.removeprefix("431"))[0]["users"][0]["presence_status"] == 1


async def test_a_client_that_asks_and_never_reads_is_held_back_or_cut_and_nobody_else_waits(
    node: str, token: str, bob: Client, services: Services
) -> None:
    """Pongs are owed for pings: they must not pile up in memory without an end."""
    raw = await sit_down(node, token, receive_buffer=4096)
    await is_well(bob, 1)
    data = frame(b"x" * 125, PING) * 500
    taken = 0
    try:
        async with asyncio.timeout(20):
            while taken < 64_000_000 and not await is_alone(services):
                async with asyncio.timeout(0.5):
                    await asyncio.get_running_loop().sock_sendall(raw.wire, data)
                taken += len(data)
                await asyncio.sleep(0)
    except (TimeoutError, ConnectionError):
        pass  # it takes no more, or has hung up
    # what the system itself holds on both ways may be some megabytes
    assert taken < services.settings.socket_queue_max_bytes * 2 + 16_000_000
    await is_well(bob)
    raw.leave()
    await eventually(lambda: is_alone(services), "its session is over")


async def is_alone(services: Services) -> bool:
    """Bob's is the only socket."""
    return services.metrics.registry.get_sample_value("chatsrv_sockets") == 1


async def test_closing_frames_are_all_that_a_client_gets_which_the_node_gives_up(raw: RawSocket) -> None:
    await raw.send(frame("x"))
    assert [each for each in await raw.rest() if each.opcode != CLOSE] == []
