"""Hashing: what it costs, how many wait for it, and that it tells nothing by how long it takes."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from argon2 import extract_parameters
from argon2.low_level import Type

from chatsrv.domain.errors import Unavailable
from chatsrv.services.passwords import Passwords
from chatsrv.settings import Settings

OpenPasswords = Callable[..., Passwords]


@pytest.fixture
def open_passwords() -> Iterator[OpenPasswords]:
    """Closes what it opened."""
    opened: list[Passwords] = []

    def open_one(**settings: Any) -> Passwords:
        opened.append(Passwords(Settings(**settings)))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


async def test_out_of_the_box_it_is_argon2id_with_64_mib(open_passwords: OpenPasswords) -> None:
    passwords = open_passwords()
    hashed = await passwords.hash("correct horse")
    parameters = extract_parameters(hashed)
    assert (parameters.type, parameters.memory_cost, parameters.time_cost) == (Type.ID, 64 * 1024, 3)
    assert await passwords.verify("correct horse", hashed)
    assert not await passwords.verify("correct horses", hashed)
    assert await passwords.hash("correct horse") != hashed


async def test_nobody_and_no_password_take_as_long_as_somebody_and_a_wrong_one(open_passwords: OpenPasswords) -> None:
    passwords = open_passwords(password_memory_kib=16_384)
    hashed = await passwords.hash("correct horse")
    attempts = [("wrong", hashed), ("wrong", None), (None, hashed), ("\ud800", None), ("x" * 2000, hashed)]
    least = [float("inf")] * len(attempts)
    # this process's own work, in turns, and the least of several: others use the machine too
    for _ in range(7):
        for number, (password, known) in enumerate(attempts):
            began = time.process_time()
            assert not await passwords.verify(password, known)
            least[number] = min(least[number], time.process_time() - began)
    # one that hashes nothing is a hundred times as quick
    assert max(least) < 5 * min(least)


async def test_nothing_is_the_password_of_nobody(open_passwords: OpenPasswords) -> None:
    passwords = open_passwords(password_memory_kib=8, password_time_cost=1)
    for password in ("", "x", None, 5, "\ud800"):
        assert not await passwords.verify(password, None)


@pytest.mark.parametrize("hashed", ["", "plain", "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$AAAA$", "$2b$12$x"])
async def test_a_hash_that_cannot_be_read_fits_no_password(open_passwords: OpenPasswords, hashed: str) -> None:
    passwords = open_passwords(password_memory_kib=8, password_time_cost=1)
    assert not await passwords.verify("", hashed)


async def test_who_comes_when_too_many_wait_is_asked_to_come_later(open_passwords: OpenPasswords) -> None:
    passwords = open_passwords(password_memory_kib=1024, password_threads=1, password_queue_max=2)
    outcomes = await asyncio.gather(*(passwords.verify("x", None) for _ in range(6)), return_exceptions=True)
    assert Counter(map(type, outcomes)) == {bool: 3, Unavailable: 3}
    assert await passwords.verify("x", None) is False


async def test_who_goes_away_makes_room(open_passwords: OpenPasswords) -> None:
    passwords = open_passwords(password_memory_kib=65_536, password_threads=1, password_queue_max=1)
    waiting = [asyncio.create_task(passwords.verify("x", None)) for _ in range(2)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert await passwords.verify("x", None) is False
