"""Long-polling: what a GET waits for and what a POST brings."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from chatsrv.realtime.reasons import Reason
from chatsrv.realtime.session import Session

_NOOP = "6"
_SEPARATOR = "\x1e"
# the Python client refuses an answer of more packets
_PACKETS_PER_POLL = 16


class Refusal(Exception):
    """An HTTP answer other than success. Its text is for people; stock clients read the status alone.

    `limit`: the setting that the client came up against; `retry_after_s`: when to come back."""

    def __init__(
        self, text: str, status: int = 400, limit: str | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(text)
        self.text = text
        self.status = status
        self.limit = limit
        self.retry_after_s = retry_after_s


async def poll(session: Session, request: web.Request) -> web.Response:
    """Raises Refusal when the session is over."""
    packets = [_NOOP] if session.upgrade else await _take(session, request)
    return web.Response(text=_SEPARATOR.join(packets), content_type="text/plain")


async def _take(session: Session, request: web.Request) -> list[str]:
    packets: list[str] = []
    if session.outbox is not None:
        with _ended_by_cancelling(session):
            packets = await session.outbox.take(_PACKETS_PER_POLL)
    if request.transport is None:  # the client left while it waited: these packets have no way to it
        session.cut(Reason.TRANSPORT_CLOSE)
    if not packets or session.closing:
        raise Refusal("Session ended")
    return packets


@contextmanager
def _ended_by_cancelling(session: Session) -> Iterator[None]:
    """aiohttp cancels what still runs when it stops, and, if told so, when the client leaves."""
    try:
        yield
    except asyncio.CancelledError:
        session.cut(Reason.TRANSPORT_CLOSE)
        raise


async def accept_post(session: Session, request: web.Request, posting: set[str]) -> None:
    """A client sends one POST at a time; a second one beside it would lose their order. `posting`: who sends one."""
    try:
        if session.sid in posting:
            raise Refusal("Overlapping POST")
        posting.add(session.sid)
        try:
            with _ended_by_cancelling(session):
                await _receive(session, await _read_body(session, request))
        finally:
            posting.discard(session.sid)
    except (Refusal, ValueError, OSError) as error:
        session.cut()
        if isinstance(error, Refusal):
            raise
        limit = "body_timeout_s" if isinstance(error, TimeoutError) else None
        raise Refusal("Bad request", limit=limit) from error


async def _receive(session: Session, body: str) -> None:
    for packet in body.split(_SEPARATOR):
        session.take_in(packet)
    await session.wait_until_handled()
    if session.ended_in_error:
        raise Refusal("Bad request")


async def _read_body(session: Session, request: web.Request) -> str:
    """In as many segments as it comes, but no larger and no longer than the limits say."""
    limits = session.home.limits
    if (request.content_length or 0) > limits.max_message_bytes:
        raise _too_large()
    body = bytearray()
    async with asyncio.timeout(limits.body_timeout_s):
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > limits.max_message_bytes:
                raise _too_large()
    return body.decode()


def _too_large() -> Refusal:
    return Refusal("Too large", 413, "socket_message_max_bytes")
