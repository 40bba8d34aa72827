"""Addresses to listen on: taken early, so that a port in use is told before anything has been changed."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from chatsrv.domain.errors import SetupError

BACKLOG = 1024
NOT_HERE = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
"""A name such as localhost may stand for addresses that this machine does not have."""


@contextmanager
def reserved(host: str, port: int, option: str) -> Iterator[list[socket.socket]]:
    """Listens on every address of the host; who connects waits until we serve. `option` is what names the port."""
    with ExitStack() as stack:
        try:
            sockets = [stack.enter_context(taken) for taken in _take_all(host, port)]
        except OSError as error:
            why = (error.strerror or str(error)).partition(" (")[0]
            raise SetupError(f"cannot listen on {host}:{port} ({why}): choose another with {option}") from error
        yield sockets


def _take_all(host: str, port: int) -> Iterator[socket.socket]:
    """Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    refusal: OSError | None = None
    taken = 0
    for family, *_, address in dict.fromkeys(found):
        try:
            yield socket.create_server((str(address[0]), int(address[1])), family=family, backlog=BACKLOG)
            taken += 1
        except OSError as error:
            if error.errno not in NOT_HERE:
                raise
            refusal = error
    if refusal and not taken:
        raise refusal
