"""What a session keeps of the request that opened it, and from which origins a request may come."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import parse_qsl

from aiohttp import web

from chatsrv.domain.origins import Get, find_own_origins
from chatsrv.wire import Head, came_from

_SAFE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class Handshake:
    """`peer`: the address at the other end of the TCP connection. `forwarded_for`: X-Forwarded-For as it came.
    `request_id`: a WebSocket's X-Request-Id, where it is harmless in a log; polls have one each. `origin`: of the web
    page that opened the session, where it is another than ours."""

    query_string: str
    peer: str
    forwarded_for: tuple[str, ...] = ()
    request_id: str | None = None
    origin: str | None = None

    @classmethod
    def of_head(cls, head: Head, peer: str, origin: str | None = None) -> Handshake:
        """Interned: of ten thousand connections most say the same."""
        forwarded_for = head.fields.get("x-forwarded-for", ())
        request_id = head.get("x-request-id")
        if request_id is not None and not _SAFE_ID.fullmatch(request_id):
            request_id = None
        return cls(sys.intern(head.query_string), sys.intern(peer), forwarded_for, request_id, _interned(origin))

    @classmethod
    def of_request(cls, request: web.Request, origin: str | None = None) -> Handshake:
        peer, forwarded_for = came_from(request)
        return cls(request.rel_url.raw_query_string, peer or "", tuple(forwarded_for), None, _interned(origin))

    @property
    def query(self) -> Mapping[str, str]:
        return read_query(self.query_string)


@lru_cache(maxsize=64)
def read_query(query_string: str) -> Mapping[str, str]:
    """The first value of each name. Most WebSockets ask the same."""
    pairs = parse_qsl(query_string, keep_blank_values=True)
    return MappingProxyType(dict(reversed(pairs)))


def _interned(text: str | None) -> str | None:
    return None if text is None else sys.intern(text)


@dataclass(frozen=True, slots=True)
class Doors:
    """Which pages may come this far. `admits` says it of other origins than ours: of those that anybody allows, for
    which app a client comes shows only when it connects. A client that is no browser names no origin."""

    admits: Callable[[str], bool]
    trusted_proxies: int = 0

    def is_welcome(self, get: Get) -> bool:
        origin = self.foreign_origin(get)
        return origin is None or self.admits(origin)

    def foreign_origin(self, get: Get) -> str | None:
        """None for our own pages and what is no page."""
        origin = get("origin")
        return None if not origin or origin in find_own_origins(get, self.trusted_proxies) else origin

    def headers(self, request: web.Request) -> dict[str, str]:
        """What lets a page read the answer. None may send cookies along: nothing here is to be had for them."""
        headers = {"Vary": "Origin, Access-Control-Request-Headers"}
        origin = request.headers.get("Origin")
        if not origin or not self.is_welcome(request.headers.get):
            return headers
        headers["Access-Control-Allow-Origin"] = origin
        if request.method == "OPTIONS":
            headers["Access-Control-Allow-Methods"] = "OPTIONS, GET, POST"
            headers["Access-Control-Max-Age"] = "600"
        if asked := request.headers.get("Access-Control-Request-Headers"):
            headers["Access-Control-Allow-Headers"] = asked
        return headers
