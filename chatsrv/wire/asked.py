"""What a request handler can know of the bytes that its request came in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar

from aiohttp import web


class Asked:
    """One for each connection that aiohttp has a hand in."""

    __slots__ = ("answered", "head")

    def __init__(self) -> None:
        self.head: bytes | None = None
        """The head of the request that is being answered, as it came, if it came alone, has no body, and what follows
        it will be looked at anew; else None."""
        self.answered: Callable[[web.BaseRequest, web.StreamResponse], None] | None = None


def came_from(request: web.BaseRequest) -> tuple[str | None, Sequence[str]]:
    """The address at the other end of the connection, and what proxies on the way say about the one behind it."""
    return request.remote, request.headers.getall("X-Forwarded-For", ())


REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id", str)
"""By which the request is found in the log, and which its answer tells."""

ASKED: ContextVar[Asked] = ContextVar("chatsrv_asked")

Recall = Callable[[bytes, str], bytes | None]
"""(a request's whole head, the peer's address) -> the whole answer, or None where the request must be handled."""

RECALL: web.AppKey[Recall] = web.AppKey("recall", Callable)  # type: ignore[arg-type]
