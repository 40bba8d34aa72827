"""What the names of receivers mean now, asked in threads of its own: who has a slow name server delays nobody else.

A look-up that hangs cannot be ended: its thread is held until the system gives it up. So each name and each app holds
few of them, and nothing else runs in these threads.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from weakref import WeakValueDictionary

LOOK_UP_S = 3.0
"""Who asks is answered within that; what comes later is of no use to anybody."""
MOST = 32
"""Look-ups under way, and so threads."""
MOST_OF_APP = 4

Ask = Callable[[str], Sequence[str]]
"""The IP addresses of a name; blocks. Raises OSError, and UnicodeError for what is no name."""
Answer = asyncio.Future[Sequence[str]]


class TooSlow(OSError):
    """The name was not looked up in time."""


def ask_system(host: str) -> Sequence[str]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


class Names:
    """Keeps no answer: each look-up is of now. Whoever asks for a name that is being looked up joins in."""

    def __init__(self, ask: Ask = ask_system, limit_s: float = LOOK_UP_S) -> None:
        self._ask = ask
        self._limit_s = limit_s
        self._room = asyncio.Semaphore(MOST)
        self._rooms: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._answers: dict[str, Answer] = {}
        self._under_way: set[asyncio.Task[None]] = set()

    async def look_up(self, app_id: str, host: str) -> Sequence[str]:
        """Raises OSError, UnicodeError, and TooSlow: at once for a name whose look-up hangs, until that is back."""
        answer = self._answers.get(host)
        if answer is None:
            answer = self._answers[host] = asyncio.get_running_loop().create_future()
            task = asyncio.create_task(self._find(app_id, host, answer), name="look up")
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(answer)

    async def _find(self, app_id: str, host: str, answer: Answer) -> None:
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._limit_s, _give_up, answer)
        room = self._rooms.setdefault(app_id, asyncio.Semaphore(MOST_OF_APP))
        try:
            # its own first: who waits for that holds nothing of what is everybody's
            async with room, self._room:
                # there may have been no room in time
                if not answer.done():
                    await self._find_in_thread(host, answer)
        finally:
            timer.cancel()
            del self._answers[host]
            _give_up(answer)

    async def _find_in_thread(self, host: str, answer: Answer) -> None:
        """Until the thread is back, whoever may have stopped waiting for it."""
        back: Future[Sequence[str]] = Future()
        # not waited for at the end of the process
        threading.Thread(target=_run, args=(self._ask, host, back), name="look up", daemon=True).start()
        try:
            found = await asyncio.wrap_future(back)
        except (OSError, UnicodeError) as error:
            if not answer.done():
                answer.set_exception(error)
        else:
            if not answer.done():
                answer.set_result(found)


def _run(ask: Ask, host: str, back: Future[Sequence[str]]) -> None:
    # who stops waiting does not take the answer's place away
    back.set_running_or_notify_cancel()
    try:
        back.set_result(ask(host))
    except Exception as error:
        back.set_exception(error)


def _give_up(answer: Answer) -> None:
    if not answer.done():
        answer.set_exception(TooSlow("not looked up in time"))
