"""Receivers that send as fast as they can, from threads of their own, until they are hung up on."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

CONTINUES = b"HTTP/1.1 100 Continue\r\n\r\n"
HEADERS = b"HTTP/1.1 500 No\r\n" + b"a: %s\r\n" % (b"b" * 4000)
EXTENSION = b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n1;"
ENDLESS = {CONTINUES: CONTINUES * 1000, HEADERS: b"a: %s\r\n" % (b"b" * 4000), EXTENSION: b"a" * 50_000}
"""What follows each of them, again and again."""
ENOUGH = 64 * 1024 * 1024
"""Far more than the system keeps of what nobody reads."""


@dataclass(slots=True)
class Flood:
    url: str
    sent: int = 0

    @property
    def was_hung_up_on(self) -> bool:
        return self.sent < ENOUGH


@contextmanager
def flooding(beginning: bytes, context: ssl.SSLContext | None = None) -> Iterator[Flood]:
    """Has ended when the block has: what it tells is true from then on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        flood = Flood(f"{'https' if context else 'http'}://127.0.0.1:{listening.getsockname()[1]}/")
        thread = threading.Thread(target=_pour, args=(listening, context, beginning, flood))
        thread.start()
        yield flood
        thread.join()


def _pour(listening: socket.socket, context: ssl.SSLContext | None, beginning: bytes, flood: Flood) -> None:
    accepted, _ = listening.accept()
    with suppress(OSError), context.wrap_socket(accepted, server_side=True) if context else accepted as connection:
        while not connection.recv(65_536).endswith(b"{}"):
            pass
        connection.sendall(beginning)
        while flood.sent < ENOUGH:
            connection.sendall(ENDLESS[beginning])
            flood.sent += len(ENDLESS[beginning])
