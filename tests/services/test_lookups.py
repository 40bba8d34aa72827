"""Looking up names: whoever's hang hold few threads of ours, and none of anybody else's."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from chatsrv.services.lookups import MOST, MOST_OF_APP, Names, TooSlow


class NameServer:
    """Answers at once, but names that begin with `slow` not before it is `well`."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.well = threading.Event()

    def ask(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        if host.startswith("slow"):
            self.well.wait(60)
        if host.startswith("unknown"):
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return ["192.0.2.1"]


@pytest.fixture
def server() -> Iterator[NameServer]:
    opened = NameServer()
    yield opened
    opened.well.set()


async def reached(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not is_so():
            await asyncio.sleep(0.001)


async def test_a_name_means_addresses_or_nobody_knows_it(server: NameServer) -> None:
    names = Names(server.ask)
    assert await names.look_up("demo", "a.example") == ["192.0.2.1"]
    with pytest.raises(socket.gaierror):
        await names.look_up("demo", "unknown.example")
    assert await Names().look_up("demo", "localhost")


async def test_no_answer_is_kept(server: NameServer) -> None:
    names = Names(server.ask)
    for _ in range(2):
        await names.look_up("demo", "a.example")
    assert server.asked == ["a.example"] * 2


async def test_a_name_that_is_being_looked_up_is_not_looked_up_twice(server: NameServer) -> None:
    names = Names(server.ask)
    asking = [asyncio.create_task(names.look_up(app, "slow.example")) for app in ("demo", "other", "demo")]
    await reached(lambda: bool(server.asked))
    asking.pop().cancel()
    server.well.set()
    assert await asyncio.gather(*asking) == [["192.0.2.1"]] * 2
    assert server.asked == ["slow.example"]


async def test_a_name_that_hangs_is_not_asked_for_until_it_is_back(server: NameServer) -> None:
    names = Names(server.ask, limit_s=0.01)
    for _ in range(3):
        with pytest.raises(TooSlow):
            await names.look_up("demo", "slow.example")
    assert server.asked == ["slow.example"]
    server.well.set()
    await reached(lambda: not names._answers)
    assert await names.look_up("demo", "slow.example") == ["192.0.2.1"]


async def test_an_app_whose_names_hang_holds_few_threads_and_keeps_nobody_else(server: NameServer) -> None:
    names = Names(server.ask, limit_s=60)
    hanging = [asyncio.create_task(names.look_up("demo", f"slow{number}.example")) for number in range(2 * MOST)]
    await reached(lambda: len(server.asked) >= MOST_OF_APP)
    assert await names.look_up("other", "a.example") == ["192.0.2.1"]
    assert len(server.asked) == MOST_OF_APP + 1
    server.well.set()
    assert await asyncio.gather(*hanging) == [["192.0.2.1"]] * 2 * MOST


async def test_those_of_many_apps_hold_no_more_threads_than_there_may_be(server: NameServer) -> None:
    names = Names(server.ask, limit_s=60)
    hanging = [asyncio.create_task(names.look_up(f"app{n}", f"slow{n}.example")) for n in range(MOST + 8)]
    await reached(lambda: len(server.asked) >= MOST)
    await asyncio.sleep(0)
    assert len(server.asked) == MOST
    server.well.set()
    await asyncio.gather(*hanging)
    assert len(server.asked) == MOST + 8


async def test_who_finds_no_room_in_time_is_not_looked_up_later(server: NameServer) -> None:
    names = Names(server.ask, limit_s=0.01)
    tasks = [names.look_up("demo", f"slow{number}.example") for number in range(MOST_OF_APP)]
    await asyncio.gather(*tasks, names.look_up("demo", "late.example"), return_exceptions=True)
    with pytest.raises(TooSlow):
        await names.look_up("demo", "late.example")
    server.well.set()
    await reached(lambda: not names._answers)
    assert "late.example" not in server.asked
    assert await names.look_up("demo", "late.example") == ["192.0.2.1"]


async def test_threads_of_others_are_not_taken(server: NameServer) -> None:
    """Those to which anybody else gives what blocks, PostgreSQL's and Redis' names among it."""
    names = Names(server.ask, limit_s=60)
    hanging = [asyncio.create_task(names.look_up(f"app{n}", f"slow{n}.example")) for n in range(MOST)]
    await reached(lambda: len(server.asked) == MOST)
    assert await asyncio.to_thread(lambda: "done") == "done"
    server.well.set()
    await asyncio.gather(*hanging)


async def test_whoever_waits_is_answered_when_no_thread_can_be_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(TooSlow):
        await Names().look_up("demo", "a.example")
