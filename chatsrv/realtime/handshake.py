"""What a session keeps of the request that opened it, and from which origins a request may come."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import parse_qsl

from aiohttp import web

from chatsrv.wire import Head

Get = Callable[[str], str | None]
"""The first value of a header whose name is given in lower case."""
_SAFE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class Handshake:
    """`peer`: the address at the other end of the TCP connection. `forwarded_for`: X-Forwarded-For as it came.
    `request_id`: a WebSocket's X-Request-Id, where it is harmless in a log; polls have one each."""

    query_string: str
    peer: str
    forwarded_for: tuple[str, ...] = ()
    request_id: str | None = None

    @classmethod
    def of_head(cls, head: Head, peer: str) -> Handshake:
        """Interned: of ten thousand connections most say the same."""
        forwarded_for = head.fields.get("x-forwarded-for", ())
        request_id = head.get("x-request-id")
        if request_id is not None and not _SAFE_ID.fullmatch(request_id):
            request_id = None
        return cls(sys.intern(head.query_string), sys.intern(peer), forwarded_for, request_id)

    @classmethod
    def of_request(cls, request: web.Request) -> Handshake:
        forwarded_for = tuple(request.headers.getall("X-Forwarded-For", ()))
        return cls(request.rel_url.raw_query_string, request.remote or "", forwarded_for)

    @property
    def query(self) -> Mapping[str, str]:
        return read_query(self.query_string)


@lru_cache(maxsize=64)
def read_query(query_string: str) -> Mapping[str, str]:
    """The first value of each name. Most WebSockets ask the same."""
    pairs = parse_qsl(query_string, keep_blank_values=True)
    return MappingProxyType(dict(reversed(pairs)))


def is_welcome(origin: str | None, get: Get, allowed: Collection[str]) -> bool:
    """Whether a page of this origin may talk to us; what is no browser names none."""
    return not origin or "*" in allowed or origin in allowed or origin in _own_origins(get)


def _own_origins(get: Get) -> list[str]:
    """As the client sees us, which behind a proxy is not as we see ourselves."""
    host = get("host")
    if host is None:
        return []
    scheme = get("x-forwarded-proto") or "http"
    origins = [f"{scheme}://{host}"]
    if get("x-forwarded-proto") or get("x-forwarded-host"):
        outer = (get("x-forwarded-host") or host).split(",")[0].strip()
        origins.append(f"{scheme.split(',')[0].strip()}://{outer}")
    return origins


def cors_headers(request: web.Request, allowed: Collection[str]) -> dict[str, str]:
    headers = {"Access-Control-Allow-Credentials": "true"}
    origin = request.headers.get("Origin")
    if origin and is_welcome(origin, request.headers.get, allowed):
        headers["Access-Control-Allow-Origin"] = origin
    if request.method == "OPTIONS":
        headers["Access-Control-Allow-Methods"] = "OPTIONS, GET, POST"
    if asked := request.headers.get("Access-Control-Request-Headers"):
        headers["Access-Control-Allow-Headers"] = asked
    return headers
