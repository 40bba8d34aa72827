"""One attempt: to whom nothing is ever sent, however they are named, and what is told of who cannot be reached."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from aiohttp import web

from chatsrv.domain.clock import Clock
from chatsrv.domain.webhooks import Due, Webhook
from chatsrv.outbound import Poster
from chatsrv.services.lookups import Names
from chatsrv.settings import Settings
from tests.outbound.certificates import self_signed
from tests.outbound.floods import CONTINUES, EXTENSION, HEADERS, flooding
from tests.outbound.receiver import Receiver, receiving

DUE = Due(1, 1, "evt_1", 1, "{}", 0, 0)


def webhook(url: str) -> Webhook:
    return Webhook(1, "demo", url, "", (), True, 0, 0, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")


def meaning(*answers: Sequence[str]) -> Names:
    """Every name means these addresses, one set after the other, and the last one from then on."""
    left = list(answers)
    return Names(lambda _: left.pop(0) if len(left) > 1 else left[0])


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as opened:
        yield opened


async def told(url: str, names: Names | None = None, **settings: object) -> str:
    """What the log of deliveries says of an attempt that reached nobody."""
    poster = Poster(Settings(**settings), Clock(), names or Names())  # type: ignore[arg-type]
    try:
        attempt = await poster.post(webhook(url), DUE)
    finally:
        await poster.close()
    assert attempt.status is None
    return attempt.error


async def status(url: str, names: Names | None = None, **settings: object) -> int | None:
    poster = Poster(Settings(**settings), Clock(), names or Names())  # type: ignore[arg-type]
    try:
        return (await poster.post(webhook(url), DUE)).status
    finally:
        await poster.close()


def port(receiver: Receiver) -> int:
    return int(receiver.url.rpartition(":")[2])


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::ffff:127.0.0.1]", "localhost", "2130706433", "0x7f000001", "127.1", "0177.0.0.1"]
)
async def test_this_machine_is_not_reached_however_it_is_written(receiver: Receiver, host: str) -> None:
    error = await told(f"http://{host}:{port(receiver)}/")
    assert "127.0.0.1 is a private address" in error or "in numbers that are no address" in error
    assert receiver.got == []


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "::1", "fe80::1", "fd00::1"],
)
async def test_a_name_that_means_an_address_of_ours_is_not_connected_to(address: str) -> None:
    assert f"Not connected: {address} is" in await told("http://inside.example/", meaning([address]))


async def test_a_name_that_is_bound_anew_to_this_machine_does_not_reach_it(receiver: Receiver) -> None:
    """It was a public one when the webhook was made; each connection asks anew, and looks at what is connected to."""
    names = meaning(["8.8.8.8"], ["127.0.0.1"])
    assert await names.look_up("demo", "rebound.example") == ["8.8.8.8"]
    assert "Not connected: 127.0.0.1" in await told(f"http://rebound.example:{port(receiver)}/", names)
    assert receiver.got == []


async def test_of_several_addresses_those_of_ours_are_passed_over(receiver: Receiver) -> None:
    names = meaning(["10.255.255.1", "127.0.0.1"])
    url = f"http://both.example:{port(receiver)}/"
    assert "is a private address" in await told(url, names)
    assert receiver.got == []


async def test_where_private_addresses_are_allowed_this_machine_is_reached(receiver: Receiver) -> None:
    assert await status(receiver.url, webhook_private_addresses=True) == 204
    url = f"http://inside.example:{port(receiver)}/"
    assert await status(url, meaning(["127.0.0.1"]), webhook_private_addresses=True) == 204


@pytest.mark.parametrize("address", ["169.254.169.254", "0.0.0.0", "fe80::1", "fd00:ec2::254"])
async def test_where_private_addresses_are_allowed_those_of_nobodys_receiver_are_not(address: str) -> None:
    assert "no address of a receiver" in await told(
        "http://meta.example/", meaning([address]), webhook_private_addresses=True
    )


async def test_other_ports_than_those_that_are_allowed_are_not_reached(receiver: Receiver) -> None:
    error = await told(receiver.url, webhook_private_addresses=True, webhook_ports=(443,))
    assert error == "The URL must go to one of the ports 443."
    assert await status(receiver.url, webhook_private_addresses=True, webhook_ports=(port(receiver),)) == 204


async def test_no_proxy_of_the_environment_is_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with receiving() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        url = f"http://direct.example:{port(receiver)}/"
        assert await status(url, meaning(["127.0.0.1"]), webhook_private_addresses=True) == 204
        assert proxy.got == []
    assert len(receiver.got) == 1


async def test_no_cookie_is_kept(receiver: Receiver) -> None:
    receiver.answer = lambda _request, _event: web.Response(headers={"Set-Cookie": "a=b"})
    poster = Poster(Settings(webhook_private_addresses=True), Clock(), Names())
    for _ in range(2):
        await poster.post(webhook(receiver.url), DUE)
    await poster.close()
    assert [one.headers.get("Cookie") for one in receiver.got] == [None, None]


async def test_a_receiver_that_takes_too_long_or_hangs_up_is_told_of(receiver: Receiver) -> None:
    async def hang_up(request: web.Request, _: object) -> web.StreamResponse:
        assert request.transport
        request.transport.abort()
        return web.Response()

    receiver.answer = hang_up
    assert await told(receiver.url, webhook_private_addresses=True) == "The receiver hung up without an answer."
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        error = await told(url, webhook_private_addresses=True, webhook_timeout_s=0.05)
        assert error == "No answer within 0.05 s."
    assert (await told(url, webhook_private_addresses=True)).startswith("No connection: ")


async def test_a_certificate_that_nobody_vouches_for_is_not_good(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path / "certificate.pem"))
    got: list[str] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        got.append(request.path)
        return web.Response()

    app = web.Application()
    app.router.add_post("/", handle)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    url = f"https://127.0.0.1:{runner.addresses[0][1]}/"
    error = await told(url, webhook_private_addresses=True)
    await runner.cleanup()
    assert error == "No secure connection: the certificate or the protocol is not good."
    assert got == []


@pytest.mark.parametrize("flood", [CONTINUES, HEADERS])
async def test_of_an_answer_that_never_begins_a_little_is_taken(flood: bytes) -> None:
    with flooding(flood) as receiver:
        error = await told(receiver.url, webhook_private_addresses=True)
    assert error == "The answer is too long."
    assert receiver.was_hung_up_on


async def test_of_an_answer_without_end_the_status_counts_and_a_little_is_taken() -> None:
    with flooding(EXTENSION) as receiver:
        assert await status(receiver.url, webhook_private_addresses=True) == 500
    assert receiver.was_hung_up_on


async def test_each_attempt_may_be_answered_at_length_on_a_connection_that_stays(receiver: Receiver) -> None:
    receiver.answer = lambda _request, _event: web.Response(text="x" * 10_000)
    poster = Poster(Settings(webhook_private_addresses=True), Clock(), Names())
    answered = [(await poster.post(webhook(receiver.url), DUE)).status for _ in range(10)]
    await poster.close()
    assert answered == [200] * 10
    assert receiver.connections == 1


async def test_a_name_that_is_not_looked_up_in_time_is_told_of() -> None:
    back = threading.Event()
    names = Names(lambda _: ["127.0.0.1"] if back.wait(60) else [], limit_s=0.01)
    error = await told("http://slow.example/", names)
    back.set()
    assert error == "The name could not be looked up in time."


async def test_a_name_that_nobody_knows_is_told_of() -> None:
    def ask(_host: str) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    assert await told("http://unknown.example/", Names(ask)) == "The name could not be looked up."
