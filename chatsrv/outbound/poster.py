"""One attempt: an event is signed and posted to a receiver, whom nobody trusts with anything."""

from __future__ import annotations

import socket
import ssl
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, client
from standardwebhooks import Webhook as Signer

from chatsrv import __version__
from chatsrv.domain.attempts import Attempt
from chatsrv.domain.clock import Clock
from chatsrv.domain.destinations import Reach, explain_url
from chatsrv.domain.webhooks import Due, Webhook
from chatsrv.outbound.connector import TooLong, app_of_attempt, make_connector
from chatsrv.services.lookups import Names, TooSlow
from chatsrv.settings import Settings

ANSWER_MAX = 16 * 1024
"""Bytes of an answer that are read; a receiver that sends more is hung up on."""
QUOTED = 120
"""Characters of it that the log of deliveries keeps, of one that refuses."""
FAILURES = (ClientError, OSError, ValueError)
"""Whatever a receiver, or the way to it, can do to an attempt."""
HEADERS = {
    "Content-Type": "application/json",
    "User-Agent": f"chatsrv/{__version__}",
    "Accept": "*/*",
    "Accept-Encoding": "identity",
}


class Refused(OSError):
    """The address that would be connected to is none to which anything may be sent."""


class Poster:
    """Close it. What `names` finds is looked at again when it is connected to."""

    def __init__(self, settings: Settings, clock: Clock, names: Names) -> None:
        self._clock = clock
        self._reach = Reach(settings.webhook_private_addresses, frozenset(settings.webhook_ports))
        self._timeout_s = settings.webhook_timeout_s
        self._session = ClientSession(
            connector=make_connector(names, self._open_socket),
            timeout=ClientTimeout(total=self._timeout_s),
            cookie_jar=DummyCookieJar(),
            # a proxy would connect to what we may not
            trust_env=False,
            auto_decompress=False,
        )

    async def close(self) -> None:
        await self._session.close()

    def _open_socket(self, address: tuple[Any, ...]) -> socket.socket:
        """For the very address that is about to be connected to, whatever a name meant a moment ago."""
        family, type_, proto, _, place = address
        wrong = self._reach.explain_address(place[0]) or self._reach.explain_port(place[1])
        if wrong:
            raise Refused(wrong)
        return socket.socket(family, type_, proto)

    async def post(self, webhook: Webhook, due: Due) -> Attempt:
        began = time.monotonic()
        wrong = explain_url(webhook.url, self._reach)
        if wrong:
            return Attempt(None, f"The URL {wrong}.")
        status, retry_after_s, error = None, None, ""
        app_of_attempt.set(webhook.app_id)
        try:
            async with self._session.post(
                webhook.url, data=due.body.encode(), headers=self._headers(webhook, due), allow_redirects=False
            ) as answer:
                status, retry_after_s = answer.status, self._retry_after_s(answer)
                error = _in_words(status, await _read(answer))
        except FAILURES as failure:
            error = self._explain(failure)
        return Attempt(status, error, retry_after_s, time.monotonic() - began)

    def _headers(self, webhook: Webhook, due: Due) -> dict[str, str]:
        """As Standard Webhooks has them; the id is the event's, at every attempt the same."""
        now = self._clock.now()
        at = datetime.fromtimestamp(now / 1000, UTC)
        signatures = [Signer(secret).sign(due.event_id, at, due.body) for secret in webhook.secrets(now)]
        return {
            **HEADERS,
            "webhook-id": due.event_id,
            "webhook-timestamp": str(now // 1000),
            "webhook-signature": " ".join(signatures),
        }

    def _retry_after_s(self, answer: ClientResponse) -> float | None:
        """Seconds, or a date."""
        text = answer.headers.get("Retry-After", "")
        if text.isascii() and text.isdigit() and len(text) < 10:
            return float(text)
        try:
            return parsedate_to_datetime(text).timestamp() - self._clock.now() / 1000
        except (ValueError, TypeError, OverflowError):
            return None

    def _explain(self, failure: Exception) -> str:
        words = _why_we_ended_it(getattr(failure, "os_error", failure))
        if words:
            return words
        match failure:
            case TimeoutError():
                return f"No answer within {self._timeout_s:g} s."
            case client.ClientSSLError() | ssl.SSLError():
                return "No secure connection: the certificate or the protocol is not good."
            case client.ClientConnectorDNSError():
                return "The name could not be looked up."
            case client.ClientConnectorError():
                return f"No connection: {failure.os_error.strerror or 'refused'}."
            case client.ServerDisconnectedError():
                return "The receiver hung up without an answer."
        return f"No answer that could be read ({type(failure).__name__})."


def _why_we_ended_it(cause: Exception) -> str | None:
    match cause:
        case Refused():
            return f"Not connected: {cause}."
        case TooSlow():
            return "The name could not be looked up in time."
        case TooLong():
            return "The answer is too long."
    return None


async def _read(answer: ClientResponse) -> bytes:
    """The beginning of it: what is left, or does not come, closes the connection. The status has said what counts."""
    pieces, size = [], 0
    try:
        while size <= ANSWER_MAX and (piece := await answer.content.read(ANSWER_MAX + 1 - size)):
            pieces.append(piece)
            size += len(piece)
    except FAILURES:
        size = ANSWER_MAX + 1
    if size > ANSWER_MAX:
        answer.close()
    return b"".join(pieces)


def _in_words(status: int, body: bytes) -> str:
    if 200 <= status < 300:
        return ""
    text = body[: QUOTED * 4].decode(errors="replace")[:QUOTED]
    shown = "".join(char if char.isprintable() else " " for char in text).strip()
    return f"Answered {status}: {shown}" if shown else f"Answered {status}."
