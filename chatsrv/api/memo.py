"""Answers that are given again, byte for byte, until what they tell may have changed.

An answer is kept under the whole head of the request that it was given to, so that whatever a handler may have looked
at is the same. It holds the mark of what it was made of (services/memory/freshness.py) and is given only while this
node is level with the change log. Fresh in each answer are its date, its id and what is left of the caller's rate.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate

import structlog
from aiohttp import web
from uuid_utils import uuid7

from chatsrv.api.dialect import ALLOWANCE, Made
from chatsrv.domain.apps import Caller
from chatsrv.services import Services
from chatsrv.services.memory.freshness import Mark, PageMark, Shard
from chatsrv.services.rates import Allowance
from chatsrv.wire import ASKED, came_from

log = structlog.get_logger(__name__)

FRESH = ("Date", "X-Request-Id", "X-RateLimit-Remaining", "X-RateLimit-Reset")
"""The headers that no two answers share, in the order in which answers have them."""
PASSES_MAX = 100_000
OVERHEAD = 1500
"""What an answer takes beside its bytes and those of its request."""
MARK = 150
"""What it takes to notice a change of one user."""


@dataclass(slots=True)
class _Pass:
    """A server key was good `at` some moment; `until` when that is taken for granted. Both in ms.

    `take` counts a request against its rate. `name`: as the log names whoever shows it.
    """

    name: str
    at: int
    until: int
    take: Callable[[int], Allowance]

    def is_good(self, now: int) -> bool:
        """Not where the clock was set back either: it tells no age then."""
        return self.at <= now < self.until


@dataclass(slots=True)
class _Tally:
    """How often answers of a kind were given since the metrics were told."""

    times: int = 0


@dataclass(slots=True)
class _Answer:
    """`parts` are the bytes before, between and behind the fresh headers' values; `made_at` and `until` in ms."""

    parts: tuple[bytes, bytes, bytes, bytes, bytes]
    mark: Mark | PageMark
    shard: Shard
    key: _Pass
    made_at: int
    until: int
    path: str
    status: int
    tally: _Tally
    forwarded: tuple[str, ...]
    size: int


class Memo:
    """Bounded in bytes; what was kept first gives way."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._freshness = services.freshness
        self._clock = services.clock
        self._max_bytes = services.settings.answer_cache_bytes
        self._logs = services.settings.access_log
        self._answers: OrderedDict[bytes, _Answer] = OrderedDict()
        self._passes: dict[str, _Pass] = {}
        self._bytes = 0
        self._date = b""
        self._date_of = 0
        self._tallies: dict[tuple[str, str, int], _Tally] = {}

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return self._bytes

    def recall(self, head: bytes, peer: str) -> bytes | None:
        """The whole answer to a request with this head, or None where it has to be made."""
        answer = self._answers.get(head)
        if answer is None:
            return None
        now = self._clock.now()
        if not (answer.mark.is_good and answer.made_at <= now < answer.until):
            self._forget(head)
            return None
        if not (answer.key.is_good(now) and answer.shard.is_level and self._freshness.is_alive):
            return None
        allowance = answer.key.take(now)
        if allowance.is_spent:
            return None
        answer.tally.times += 1
        request_id = uuid7().hex
        if self._logs:
            self._log(answer, peer, request_id)
        one, two, three, four, five = answer.parts
        return b"%b%b%b%b%b%d%b%d%b" % (
            one,
            self._today(),
            two,
            request_id.encode(),
            three,
            allowance.remaining,
            four,
            -(-allowance.reset_at // 1000),
            five,
        )

    def _today(self) -> bytes:
        now = int(time.time())
        if now != self._date_of:
            self._date, self._date_of = formatdate(now, usegmt=True).encode(), now
        return self._date

    def _log(self, answer: _Answer, peer: str, request_id: str) -> None:
        log.info(
            "request",
            method="GET",
            path=answer.path,
            status=answer.status,
            ms=0.0,
            address=self._services.addresses.of_client(peer, answer.forwarded),
            by=answer.key.name,
            request_id=request_id,
        )

    def keep(self, request: web.Request, response: web.StreamResponse, made: Made) -> None:
        """To be called when the answer's headers are complete."""
        asked = ASKED.get(None)
        if asked is None or asked.head is None or not self._may_be_kept(request, response, made):
            return
        parts = _take_apart(response)
        if parts is None:
            return
        app_id, settings, now = made.caller.app.id, self._services.settings, self._clock.now()
        size = OVERHEAD + len(asked.head) + sum(len(part) for part in parts) + MARK * len(made.user_ids or ())
        self._forget(asked.head)
        self._answers[asked.head] = _Answer(
            parts=parts,
            mark=self._mark(made),
            shard=self._freshness.shard(app_id),
            key=self._renew_pass(made.caller, now),
            made_at=now,
            until=now + int(settings.row_cache_s * 1000),
            path=request.path,
            status=response.status,
            tally=self._tallies.setdefault((made.dialect, request.method, response.status), _Tally()),
            forwarded=tuple(came_from(request)[1]),
            size=size,
        )
        self._bytes += size
        while self._bytes > self._max_bytes:
            self._forget(next(iter(self._answers)))

    def _mark(self, made: Made) -> Mark | PageMark:
        if made.listed is not None:
            return self._freshness.page_mark(made.caller.app.id, made.listed)
        return self._freshness.mark(made.caller.app.id, made.user_id)

    def _renew_pass(self, caller: Caller, now: int) -> _Pass:
        """One request a second finds out whether the key is still good, for all answers that it was given."""
        if len(self._passes) >= PASSES_MAX:
            self._passes.clear()  # answers keep theirs, which nobody renews any more
        shown = self._passes.setdefault(caller.name, _Pass(caller.name, now, now, self._services.allowances.of(caller)))
        shown.at, shown.until = now, now + int(self._services.settings.credential_cache_s * 1000)
        if caller.key and caller.key.expires_at is not None:
            shown.until = min(shown.until, caller.key.expires_at)
        return shown

    def _may_be_kept(self, request: web.Request, response: web.StreamResponse, made: Made) -> bool:
        app_id = made.caller.app.id
        return (
            # a user's own token may be over or revoked any moment; keys of some networks depend on who connects
            made.caller.key is not None
            and not made.caller.key.networks
            # a session ends at once, and nothing in the log tells of it
            and made.caller.operator is None
            and request.method == "GET"
            and response.status in (200, 304)
            and bool(response.keep_alive)
            and request.version == (1, 1)
            and "X-Request-Id" not in request.headers
            and "Presence-Stale" not in response.headers
            and request.get(ALLOWANCE) is not None
            and self._freshness.is_level(app_id, made.user_ids)
            # what was read while something changed may be from before it
            and not self._freshness.has_changed_since(app_id, made.since, made.user_ids)
            and not (made.listed is not None and self._freshness.rows_have_changed_since(app_id, made.since))
        )

    def _forget(self, head: bytes) -> None:
        answer = self._answers.pop(head, None)
        if answer:
            self._bytes -= answer.size

    def settle(self) -> None:
        """Adds what was counted to the metrics, before somebody reads them."""
        for (dialect, method, status), tally in self._tallies.items():
            times, tally.times = tally.times, 0
            if times:
                self._services.metrics.requests.labels(dialect, method, status).inc(times)
                self._services.metrics.remembered.labels(dialect).inc(times)


MEMO: web.AppKey[Memo] = web.AppKey("memo", Memo)


def _take_apart(response: web.StreamResponse) -> tuple[bytes, bytes, bytes, bytes, bytes] | None:
    """None where the answer's headers are not those that we know how to renew."""
    body = response.body if isinstance(response, web.Response) else None
    if not isinstance(body, bytes | None) or tuple(name for name in response.headers if name in FRESH) != FRESH:
        return None
    text, parts = f"HTTP/1.1 {response.status} {response.reason}\r\n", []
    for name, value in response.headers.items():
        if name in FRESH:
            parts.append(f"{text}{name}: ".encode())
            text = "\r\n"
        else:
            text += f"{name}: {value}\r\n"
    one, two, three, four = parts
    return one, two, three, four, f"{text}\r\n".encode() + (body or b"")
