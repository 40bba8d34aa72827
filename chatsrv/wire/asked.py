"""What a request handler can know of the bytes that its request came in."""

from __future__ import annotations

from collections.abc import Callable
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


ASKED: ContextVar[Asked] = ContextVar("chatsrv_asked")

Recall = Callable[[bytes, str], bytes | None]
"""(a request's whole head, the peer's address) -> the whole answer, or None where the request must be handled."""

RECALL: web.AppKey[Recall] = web.AppKey("recall", Callable)  # type: ignore[arg-type]
