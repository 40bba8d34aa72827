"""The lines on which workers pass connections on: what `chatsrv.wire.passing` speaks, opened before anybody speaks."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

MESSAGE_MAX_BYTES = 1 << 20
"""Asked of the system, which may have a ceiling below; Linux' usual one still takes all that a loop reads at once."""


@dataclass(frozen=True, slots=True)
class Line:
    """On which connections come to one process. The ends stay open when that process dies: its successor reads on."""

    inbox: socket.socket
    outbox: socket.socket


@contextmanager
def opened_lines(count: int) -> Iterator[list[Line]]:
    with ExitStack() as stack:
        yield [_open_line(stack) for _ in range(count)]


def _open_line(stack: ExitStack) -> Line:
    inbox, outbox = (stack.enter_context(end) for end in socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
    outbox.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MESSAGE_MAX_BYTES)
    inbox.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, MESSAGE_MAX_BYTES)
    for end in (inbox, outbox):
        end.setblocking(False)
    return Line(inbox, outbox)
