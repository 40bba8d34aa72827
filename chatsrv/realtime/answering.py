"""What is acked to whatever a socket asks: an answer, or an error in words. The connection lives on, but for floods and
for many that are wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from chatsrv.domain import wire
from chatsrv.domain.errors import ChatError, Forbidden, NotFound, TooManyRequests, Unavailable
from chatsrv.domain.sessions import CloseCode
from chatsrv.realtime.commands import COMMANDS, Seat
from chatsrv.realtime.conduct import Conduct
from chatsrv.realtime.observing import OBSERVER_COMMANDS, Stand

log = structlog.get_logger(__name__)


class Answering:
    """`seat_of`: from where a socket asks; None where it is not in, or not any more. `note_limit`: that somebody came
    up against a setting. `close`: ends a socket for good."""

    def __init__(
        self,
        seat_of: Callable[[str], Seat | Stand | None],
        conduct: Conduct,
        note_limit: Callable[[str], None],
        close: Callable[[str, CloseCode], Awaitable[None]],
    ) -> None:
        self._seat_of = seat_of
        self._conduct = conduct
        self._note_limit = note_limit
        self._close = close

    async def answer(self, event: str, sid: str, *data: Any) -> dict[str, Any]:
        try:
            await self._count_event(sid)
            return await self._act(sid, event, data[0] if data else None)
        except ChatError as error:
            if error.limit:
                self._note_limit(error.limit)
            if not isinstance(error, Unavailable):
                await self._count_bad(sid)
            return {"error": wire.describe(error)}
        except Exception:
            log.exception("command_failed", session_id=sid)
            _, code, type_ = wire.INTERNAL
            return {"error": {"code": code, "type": type_, "message": "Something went wrong on our side."}}

    async def _act(self, sid: str, event: str, data: Any) -> dict[str, Any]:
        """Raises NotFound for what nobody may ask, and Forbidden for what others may."""
        if event not in COMMANDS and event not in OBSERVER_COMMANDS:
            raise NotFound(f"There is no event {event[:40]!r}.")
        seat = self._seat_of(sid)
        if seat is None:
            raise NotFound(f"The socket {sid!r} is not connected yet.")
        if isinstance(seat, Seat):
            if event not in COMMANDS:
                raise Forbidden("This takes a socket that came with a server key.")
            return await COMMANDS[event](seat, data)
        if event not in OBSERVER_COMMANDS:
            raise Forbidden("This socket watches an app, and is no user's.")
        return await OBSERVER_COMMANDS[event](seat, data)

    async def _count_bad(self, sid: str) -> None:
        if self._seat_of(sid) and self._conduct.count_bad(sid):
            await self._close(sid, CloseCode.BAD_PACKETS)

    async def _count_event(self, sid: str) -> None:
        """Raises TooManyRequests for a flood, and ends its socket."""
        try:
            self._conduct.count_event(sid)
        except TooManyRequests:
            await self._close(sid, CloseCode.FLOODING)
            raise
