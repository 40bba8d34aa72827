"""Addresses as the outside world sees them, behind the proxies that we trust."""

from __future__ import annotations

import re

from aiohttp import web
from yarl import URL

from chatsrv.api.dialect import SERVICES
from chatsrv.domain.errors import Malformed

_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")


def public_url(request: web.Request) -> URL:
    """The URL that the client asked for; a proxy of ours tells the scheme as it saw it. Raises Malformed."""
    url = _asked_url(request)
    if request.app[SERVICES].settings.trusted_proxies:
        scheme = request.headers.get("X-Forwarded-Proto", "").split(",")[0].strip()
        if scheme in ("http", "https"):
            url = url.with_scheme(scheme).with_port(None) if url.is_default_port() else url.with_scheme(scheme)
    return url


def _asked_url(request: web.Request) -> URL:
    """The Host header is the client's own word, and may be anything."""
    try:
        if _HOST.fullmatch(request.host):
            return request.url
    except ValueError as error:
        raise Malformed("The Host header names no host.") from error
    raise Malformed("The Host header names no host.")
