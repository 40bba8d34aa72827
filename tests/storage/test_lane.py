"""The lane: everybody's commands on one connection, and what each of them is answered."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ExecAbortError, ResponseError

from chatsrv.domain.errors import Unavailable
from chatsrv.storage.lane import Lane, open_lane
from chatsrv.storage.redis import open_redis
from chatsrv.storage.scripts import Scripts
from tests.storage.lanes import lane_to


async def test_each_of_many_callers_gets_the_answer_to_what_they_asked(lane: Lane) -> None:
    async def ask(number: int) -> bytes:
        await lane.call("SET", f"key{number}", number)
        answer: bytes = await lane.call("GET", f"key{number}")
        return answer

    answers = await asyncio.gather(*(ask(number) for number in range(2000)))
    assert answers == [str(number).encode() for number in range(2000)]


async def test_what_is_asked_in_one_tick_goes_out_in_one_write(lane: Lane, redis: Redis) -> None:
    await lane.call("PING")
    before = (await redis.info("stats"))["total_reads_processed"]
    await asyncio.gather(*(lane.call("PING") for _ in range(200)))
    assert (await redis.info("stats"))["total_reads_processed"] - before < 10


async def test_an_error_fails_the_command_that_made_it_alone(lane: Lane) -> None:
    await lane.call("SET", "text", "x")
    futures = [lane.call("ECHO", "before"), lane.call("HGETALL", "text"), lane.call("ECHO", "after")]
    before, wrong, after = await asyncio.gather(*futures, return_exceptions=True)
    assert (before, after) == (b"before", b"after")
    assert isinstance(wrong, ResponseError)


async def test_what_cannot_be_written_down_is_never_sent(lane: Lane) -> None:
    with pytest.raises(UnicodeEncodeError):
        lane.call("ECHO", "\ud800")
    assert await lane.call("ECHO", "on") == b"on"


async def test_several_commands_are_answered_together_and_nothing_happens_in_between(lane: Lane) -> None:
    await lane.call("SET", "count", 0)

    async def twice() -> list[int]:
        return await lane.transaction(("INCR", "count"), ("INCR", "count"))

    found = await asyncio.gather(*(twice() for _ in range(100)))
    assert found == [[2 * number + 1, 2 * number + 2] for number in range(100)]
    assert await lane.calls(("ECHO", "a"), ("ECHO", "b")) == [b"a", b"b"]


async def test_in_a_transaction_an_error_is_the_answer_of_its_command(lane: Lane) -> None:
    await lane.call("SET", "text", "x")
    wrong, right = await lane.transaction(("HGETALL", "text"), ("GET", "text"))
    assert isinstance(wrong, ResponseError)
    assert right == b"x"
    with pytest.raises(ResponseError) as caught:
        await lane.transaction(("GET", "text"), ("NONSENSE",))
    assert not isinstance(caught.value, ExecAbortError)
    with pytest.raises(ResponseError):
        await lane.calls(("ECHO", "a"), ("HGETALL", "text"))
    assert await lane.call("GET", "text") == b"x"


async def test_a_caller_who_gives_up_costs_nobody_else_anything(lane: Lane) -> None:
    await lane.call("PING")
    unsent = lane.call("SET", "unsent", 1)
    unsent.cancel()
    futures = [lane.call("ECHO", number) for number in range(100)]
    await asyncio.sleep(0)
    for future in futures[::2]:
        future.cancel()
    assert await asyncio.gather(*futures[1::2]) == [str(number).encode() for number in range(1, 100, 2)]
    assert await lane.call("EXISTS", "unsent") == 0


async def test_password_and_database_are_those_of_the_url(own_url: str, redis: Redis) -> None:
    await redis.config_set("requirepass", "secret")
    path = own_url.removeprefix("unix://")
    async with lane_to(f"unix://:secret@{path}?db=3") as (lane, _):
        await lane.call("SET", "here", 1)
        assert b"db=3" in await lane.call("CLIENT", "INFO")
    async with lane_to(own_url) as (lane, _):
        with pytest.raises(RedisConnectionError, match="Authentication required"):
            await lane.call("GET", "here")
    async with lane_to(f"unix://:wrong@{path}") as (lane, _):
        with pytest.raises(RedisConnectionError):
            await lane.call("GET", "here")


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65536):
        writer.write(piece)
    writer.close()


@asynccontextmanager
async def behind_tls(path: str, folder: Path) -> AsyncIterator[str]:
    """As platforms offer it: with a certificate that nobody has signed."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(path)
        tasks.add(asyncio.create_task(carry(reader, inner_writer)))
        tasks.add(asyncio.create_task(carry(inner_reader, writer)))

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(write_certificate(folder))
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield f"rediss://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def write_certificate(folder: Path) -> Path:
    """With its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nobody")])
    begins_at = datetime(2020, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, begins_at, begins_at + timedelta(days=36500))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = folder / "certificate.pem"
    path.write_bytes(pem + builder.sign(key, SHA256()).public_bytes(Encoding.PEM))
    return path


async def test_a_lane_goes_through_tls(own_url: str, tmp_path: Path) -> None:
    async with behind_tls(own_url.removeprefix("unix://"), tmp_path) as url:
        async with open_redis(url, 2, 10, False) as redis, open_lane(redis) as lane:
            answers = await asyncio.gather(*(lane.call("ECHO", "x" * number) for number in range(500)))
            assert answers == [b"x" * number for number in range(500)]
        async with open_redis(url, 2, 10, True) as redis, open_lane(redis) as lane:
            with pytest.raises(RedisConnectionError):
                await lane.call("PING")


async def test_a_script_that_redis_has_forgotten_is_loaded_again(lane: Lane) -> None:
    scripts = Scripts(lane, {"echo": "return {KEYS[1], ARGV[1]}"})
    for _ in range(2):
        assert await asyncio.gather(*(scripts.run("echo", "a", [n]) for n in range(50))) == [
            [b"a", str(n).encode()] for n in range(50)
        ]
        await lane.call("SCRIPT", "FLUSH")


async def test_memory_that_is_full_is_an_outage(lane: Lane) -> None:
    scripts = Scripts(lane, {"set": "return redis.call('SET', KEYS[1], ARGV[1])"})
    await lane.call("CONFIG", "SET", "maxmemory", 1)
    with pytest.raises(Unavailable):
        await scripts.run("set", "a", [1])
