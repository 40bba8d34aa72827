"""When the tokens of live sockets run out: a warning before, and the end soon after unless a new one came."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from heapq import heapify, heappop, heappush

SLACK = 1000
"""So many entries may be out of date, beside one for each live socket, before they are cleared away."""

Due = tuple[int, str]
"""When a token expires and the socket it was meant for: one with a newer token lets it pass."""


class Expiries:
    """`warn(sid, expires_at)` and `end(sid)` are called by `check`; instants in ms."""

    def __init__(
        self,
        warn: Callable[[str, int], Awaitable[None]],
        end: Callable[[str], Awaitable[None]],
        *,
        warning_s: float,
        close_s: float,
    ) -> None:
        self._warn = warn
        self._end = end
        self._warning_ms = int(warning_s * 1000)
        self._close_ms = int(close_s * 1000)
        self._expires_at: dict[str, int] = {}
        # a token is in the one until its socket is warned, then in the other
        self._to_warn: list[Due] = []
        self._to_end: list[Due] = []

    def __len__(self) -> int:
        """Entries that are kept, those out of date among them."""
        return len(self._to_warn) + len(self._to_end)

    def keep(self, sid: str, expires_at: int) -> None:
        """The socket has a token that is good until then; an earlier one no longer counts."""
        self._expires_at[sid] = expires_at
        heappush(self._to_warn, (expires_at, sid))
        self._clear_away()

    def forget(self, sid: str) -> None:
        self._expires_at.pop(sid, None)
        self._clear_away()

    def _clear_away(self) -> None:
        """Sockets come and go much faster than their tokens expire."""
        if len(self) > 2 * len(self._expires_at) + SLACK:
            for heap in (self._to_warn, self._to_end):
                heap[:] = [due for due in heap if self._is_live(due)]
                heapify(heap)

    def _is_live(self, due: Due) -> bool:
        return self._expires_at.get(due[1]) == due[0]

    async def check(self, now: int) -> None:
        """Does what is due."""
        while self._to_warn and self._to_warn[0][0] - self._warning_ms <= now:
            due = heappop(self._to_warn)
            if self._is_live(due):
                heappush(self._to_end, due)
                await self._warn(due[1], due[0])
        while self._to_end and self._to_end[0][0] + self._close_ms <= now:
            due = heappop(self._to_end)
            if self._is_live(due):
                await self._end(due[1])
