"""aiohttp's handler of a connection, but for what it says where it cannot read a request, and for how it stops.

aiohttp would answer in plain text, with what the client sent, and log it with a stack trace. And it would hear nothing
more of a request that is half here when the listener stops.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

_START_BYTES = 256
"""Of what came so much is kept: enough to tell what it was about."""
# what comes behind the path may hold a secret, and is told nobody
_TARGET = re.compile(rb"[^\s/]{1,32} (?:[a-z]+://[^\s/]*)?(/[!\"$->@-~]*)")


class Fault(Enum):
    """What is wrong with a request that cannot be read."""

    LINE_TOO_LONG = auto()
    TOO_MANY_FIELDS = auto()
    BROKEN = auto()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """`path`: the start of the one that was asked for, undecoded; empty where that cannot be told."""

    fault: Fault
    path: str


Refuse = Callable[[web.BaseRequest, Unreadable], web.StreamResponse]
"""What is answered. The request knows its connection and nothing else."""

REFUSE: web.AppKey[Refuse] = web.AppKey("refuse", Callable)  # type: ignore[arg-type]


class Handler(web.RequestHandler):
    __slots__ = ("_begun", "_latest", "_refuse")

    def __init__(
        self, manager: web.Server, refuse: Refuse | None, loop: asyncio.AbstractEventLoop, **options: Any
    ) -> None:
        super().__init__(manager, loop=loop, **options)
        self._refuse = refuse or _refuse_plainly
        self._begun = self._latest = b""

    def begin(self, data: bytes) -> None:
        """A request begins with these bytes."""
        self._begun = data[:_START_BYTES]
        self.data_received(data)

    def data_received(self, data: bytes) -> None:
        self._latest = data[:_START_BYTES]
        if self._close or self._force_close:
            self._hear_rest(data)
        else:
            super().data_received(data)
        if self._current_request is not None and self._messages and hasattr(self._messages[-1][0], "exc"):
            self._end_body(self._current_request)

    def _hear_rest(self, data: bytes) -> None:
        """Once it is to stop, aiohttp throws away whatever comes: also the rest of a body whose request it answers."""
        request = self._current_request
        if request is None or request.content.is_eof():
            return
        was_told = self._close, self._force_close
        self._close = self._force_close = False
        try:
            super().data_received(data)
        finally:
            self._close, self._force_close = was_told

    def _end_body(self, request: web.BaseRequest) -> None:
        """It has turned out to be broken. Whoever reads it would wait for the rest, and then be followed by a second
        answer."""
        request.content.set_exception(web.RequestPayloadError("The body is broken."))
        request.content.feed_eof()
        self.close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if status != 400 or not isinstance(exc, HttpProcessingError):
            return super().handle_error(request, status, exc, message)
        answer = self._refuse(request, Unreadable(_read_fault(exc), self._read_path()))
        answer.force_close()
        return answer

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Whoever left is no news, nor is a broken body, which aiohttp meets once more when it reads the rest."""
        if not isinstance(kw.get("exc_info"), web.RequestPayloadError | ConnectionError):
            super().log_exception(*args, **kw)

    def _read_path(self) -> str:
        """That of the newest bytes that look like the start of a request, for these were most likely refused."""
        for start in (self._latest, self._begun):
            if found := _TARGET.match(start):
                return found[1].decode("ascii")
        return ""


def _read_fault(error: HttpProcessingError) -> Fault:
    if isinstance(error, LineTooLong):
        return Fault.LINE_TOO_LONG
    return Fault.TOO_MANY_FIELDS if error.message.startswith("Too many headers") else Fault.BROKEN


def _refuse_plainly(_request: web.BaseRequest, _unreadable: Unreadable) -> web.StreamResponse:
    return web.Response(status=400, text="This is no request that can be read.")
