"""What becomes of everybody's commands when the lane breaks, the server is silent, or too many come."""

from __future__ import annotations

import asyncio
import os
import signal
import socket

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from chatsrv.domain.errors import Unavailable
from chatsrv.storage import lane as lane_module
from chatsrv.storage.lane import Lane
from chatsrv.storage.redis import find_refusal, translated
from tests.faults.store_wire import socket_of, wire_to
from tests.storage.lanes import BLOCKED, TIMEOUT_S, cut, lane_to, sent, stopped
from tests.storage.valkey_owner import get_pid


async def test_a_connection_that_was_closed_while_nothing_was_asked_costs_no_command(lane: Lane, redis: Redis) -> None:
    await lane.call("PING")
    for _ in range(3):
        await cut(redis)
        async with asyncio.timeout(10):
            while len(await redis.client_list()) > 1:
                await asyncio.sleep(0)
        assert await lane.call("ECHO", "on") == b"on"


async def test_what_was_sent_and_not_answered_fails_and_is_not_sent_again(lane: Lane, redis: Redis) -> None:
    futures = [lane.call(*BLOCKED), lane.call("INCR", "count"), lane.call("INCR", "count")]
    await sent(redis)
    await cut(redis)
    answers = await asyncio.gather(*futures, return_exceptions=True)
    assert all(isinstance(answer, RedisConnectionError) for answer in answers)
    assert len({id(answer) for answer in answers}) == len(answers)
    assert await lane.call("GET", "count") is None


async def test_a_server_that_does_not_answer_fails_all_who_wait_and_is_asked_anew_later(own_url: str) -> None:
    async with lane_to(own_url) as (lane, _):
        await lane.call("PING")
        with stopped(await get_pid(own_url)):
            answers = await asyncio.gather(*(lane.call("ECHO", n) for n in range(50)), return_exceptions=True)
        assert all(isinstance(answer, RedisTimeoutError) for answer in answers)
        assert await lane.call("ECHO", "again") == b"again"


async def test_who_asks_while_nobody_listens_is_told_so_each_for_themselves() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with lane_to(f"redis://127.0.0.1:{taken.getsockname()[1]}", 10) as (lane, _):
            answers = await asyncio.gather(*(lane.call("PING") for _ in range(20)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {RedisConnectionError}


async def test_a_server_that_comes_back_is_found_again(own_url: str) -> None:
    async with lane_to(own_url, 10) as (lane, _):
        await lane.call("PING")
        os.kill(await get_pid(own_url), signal.SIGKILL)
        async with asyncio.timeout(20):
            while True:
                try:
                    assert await lane.call("ECHO", "back") == b"back"
                    break
                except RedisConnectionError:
                    continue


async def test_who_comes_on_top_of_too_many_is_told_at_once(own_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_module, "OUTSTANDING_MAX", 100)
    async with lane_to(own_url) as (lane, _):
        await lane.call("PING")
        with stopped(await get_pid(own_url)):
            futures = [lane.call("PING") for _ in range(100)]
            with pytest.raises(RedisConnectionError, match="keep up"):
                lane.call("PING")
            await asyncio.gather(*futures, return_exceptions=True)
        assert await lane.call("ECHO", "again") == b"again"


async def test_a_lane_that_is_closed_answers_nobody(own_url: str) -> None:
    async with lane_to(own_url) as (lane, _):
        await lane.call("PING")
        waiting = lane.call(*BLOCKED)
        await asyncio.sleep(0)
        await lane.close()
        with pytest.raises(RedisConnectionError):
            await waiting
        with pytest.raises(RedisConnectionError):
            lane.call("PING")


async def test_a_lane_that_is_closed_while_it_connects_leaves_nothing_behind(own_url: str, redis: Redis) -> None:
    await redis.ping()
    async with lane_to(own_url) as (lane, _):
        waiting = lane.call("PING")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    with pytest.raises(RedisConnectionError):
        await waiting
    async with asyncio.timeout(10):
        while len(await redis.client_list()) > 1:
            await asyncio.sleep(0)


async def test_nobody_waits_longer_for_a_connection_than_for_an_answer_and_it_is_made_all_the_same(
    own_url: str, redis: Redis
) -> None:
    """A server that takes its time for each part of the handshake."""
    await redis.config_set("requirepass", "secret")
    async with wire_to(socket_of(own_url)) as wire, lane_to(f"redis://:secret@127.0.0.1:{wire.port}/3") as (lane, _):
        wire.delay_s = 0.8 * TIMEOUT_S
        with pytest.raises(RedisTimeoutError, match="let us in"):
            async with asyncio.timeout(10):
                await lane.call("PING")
        async with asyncio.timeout(10):
            while (await asyncio.gather(lane.call("PING"), return_exceptions=True))[0] != b"PONG":
                await asyncio.sleep(0)
        assert wire.connections == 1


async def test_an_option_that_nobody_knows_is_an_outage_and_no_silence(own_url: str) -> None:
    async with lane_to(f"{own_url}?unheard_of=1", 10) as (lane, _), asyncio.timeout(10):
        for _ in range(2):
            with pytest.raises(RedisConnectionError, match="unheard_of"):
                await lane.call("PING")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("OOM command not allowed when used memory > 'maxmemory'.", "is out of memory"),
        ("READONLY You can't write against a read only replica. script: 1, on @user_script:3.", "is read-only"),
        ("MISCONF Valkey is configured to save RDB snapshots, but it's currently unable to", "cannot save its data"),
        (
            "ERR Error running script (call to f_1): @user_script:1: @user_script: 1: -OOM command not allowed",
            "is out of memory",
        ),
        (
            "ERR Error running script (call to f_1): @user_script:1: @user_script: 1: -READONLY You can't write",
            "is read-only",
        ),
        ("BUSY Redis is busy running a script.", "is busy"),
    ],
)
def test_what_a_server_refuses_is_no_mistake_of_ours(text: str, why: str) -> None:
    with pytest.raises(Unavailable, match=why), translated():
        raise find_refusal(text) or ResponseError(text)


@pytest.mark.parametrize("text", ["ERR unknown command", "WRONGTYPE Operation against a key", "ERR OOM is no word"])
def test_what_is_a_mistake_of_ours_stays_one(text: str) -> None:
    assert find_refusal(text) is None
