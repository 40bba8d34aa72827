"""What becomes of everybody's commands when the lane breaks, the server is silent, or too many come."""

from __future__ import annotations

import asyncio
import os
import signal
import socket

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from chatsrv.storage import lane as lane_module
from chatsrv.storage.lane import Lane
from tests.storage.lanes import BLOCKED, cut, lane_to, sent, stopped
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
        async with lane_to(f"redis://127.0.0.1:{taken.getsockname()[1]}") as (lane, _):
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
