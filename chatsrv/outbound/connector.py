"""How receivers are connected to: so much is taken from each and no more, and their names are looked up by us."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from ipaddress import ip_address
from typing import Any

from aiohttp import ClientError, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler

from chatsrv.services.lookups import Names

TAKEN_MAX = 64 * 1024
"""Bytes that are taken of an answer, with its headers and whatever is around and before it."""

app_of_attempt: ContextVar[str] = ContextVar("app_of_attempt")
"""Whose look-ups these are: the connector is not told."""


class TooLong(ClientError):
    """The receiver sends more than an answer may be."""


class Taking(ResponseHandler):
    """Hangs up on whoever sends too much, whatever a parser makes of it.

    The client passes over 1xx answers as long as they come, and chunks have extensions of any length: that would keep
    the loop busy with one receiver.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._taken = 0

    def set_response_params(self, **params: Any) -> None:
        """The next attempt on this connection begins."""
        self._taken = 0
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        room = TAKEN_MAX - self._taken
        self._taken += len(data)
        if room >= 0:
            # of an answer that is too long the beginning still tells how it went
            super().data_received(data[:room])
        if self._taken > TAKEN_MAX and self.transport is not None:
            self.set_exception(TooLong())
            self.transport.abort()


def make_connector(names: Names, open_socket: Callable[[Any], socket.socket]) -> TCPConnector:
    connector = TCPConnector(
        limit=0, use_dns_cache=False, socket_factory=open_socket, keepalive_timeout=10, resolver=_Resolver(names)
    )
    # there is no other way to count what comes before it is parsed
    taking: Callable[..., ResponseHandler] = Taking
    connector._factory = partial(taking, loop=asyncio.get_running_loop())
    return connector


class _Resolver(AbstractResolver):
    def __init__(self, names: Names) -> None:
        self._names = names

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - both are asked for
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET if ip_address(address).version == 4 else socket.AF_INET6,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in await self._names.look_up(app_of_attempt.get(), host)
        ]

    async def close(self) -> None:
        """The names are others' too."""
