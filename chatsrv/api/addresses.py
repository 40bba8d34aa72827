"""Addresses as the outside world sees them, behind the proxies that we trust."""

from __future__ import annotations

from aiohttp import web
from yarl import URL

from chatsrv.api.dialect import SERVICES


def public_url(request: web.Request) -> URL:
    """The URL that the client asked for; a proxy of ours tells scheme and host as it saw them."""
    url = request.url
    if request.app[SERVICES].settings.trusted_proxies:
        scheme = request.headers.get("X-Forwarded-Proto", "").split(",")[0].strip()
        if scheme in ("http", "https"):
            url = url.with_scheme(scheme).with_port(None) if url.is_default_port() else url.with_scheme(scheme)
    return url
