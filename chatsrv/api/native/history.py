"""Presence history: when a user was here, and how many of an app were."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from chatsrv.api.addresses import public_url
from chatsrv.api.dialect import Call, json_response
from chatsrv.api.native.listing import check_parameters, read_limit
from chatsrv.api.native.presence import NO_STORE
from chatsrv.domain.errors import Invalid, Problem
from chatsrv.domain.history import After, Interval
from chatsrv.domain.instants import LATEST, from_text, to_text, to_text_or_none
from chatsrv.domain.tallies import DAY_MS, Point, Width

POINTS_MAX = 1500
WIDTHS = {width.name.lower(): width for width in Width}
LOOK_BACK_MS = {Width.DAY: 30 * DAY_MS, Width.HOUR: 7 * DAY_MS, Width.MINUTE: DAY_MS}
"""From when on, where nobody says."""

ID_MAX = 2**63 - 1


async def list_intervals(call: Call) -> web.StreamResponse:
    query = call.request.query
    check_parameters(query, ("from", "to", "limit", "cursor"))
    now = call.services.clock.now()
    from_at, to_at = _read_span(query, call.services.history.kept_since(call.app) or now, now)
    limit, after = read_limit(query, call.services.settings), _read_cursor(query.get("cursor", ""))
    page = await call.services.history.page(call.app, call.username, from_at, to_at, limit, after)
    following = page.next_after and str(public_url(call.request).update_query(cursor=_write_cursor(page.next_after)))
    intervals = [_render_interval(interval) for interval in page.intervals]
    span = {"from": to_text(from_at), "to": to_text(to_at)}
    return json_response({"intervals": intervals, **span, "links": {"next": following}}, headers=NO_STORE)


def _render_interval(interval: Interval) -> dict[str, Any]:
    words = {"text": interval.text, "emoji": interval.emoji}
    return {
        "from": to_text(interval.from_at),
        "to": None if interval.to_at is None else to_text(interval.to_at),
        "presence_status": int(interval.status),
        **{name: word for name, word in words.items() if word is not None},
    }


async def stats(call: Call) -> web.StreamResponse:
    query = call.request.query
    check_parameters(query, ("from", "to", "by"))
    by = query.get("by", "day")
    if by not in WIDTHS:
        raise Invalid(Problem("by", f"must be one of {', '.join(reversed(WIDTHS))}"))
    width, now = WIDTHS[by], call.services.clock.now()
    # of the running minute, hour or day, too
    from_at, to_at = _read_span(query, None, now + 1, LOOK_BACK_MS[width])
    if (to_at - 1 - width.begin(from_at)) // width.value >= POINTS_MAX:
        raise Invalid(Problem("by", f"{by} makes more than {POINTS_MAX} points of so long a time"))
    points = await call.services.history.stats(call.app, width, from_at, to_at)
    return json_response({"by": by, "points": [_render_point(point, width) for point in points]}, headers=NO_STORE)


def _render_point(point: Point, width: Width) -> dict[str, Any]:
    of_days = {"users": point.users, "online_s": point.online_ms // 1000} if width is Width.DAY else {}
    peak_at = to_text_or_none(point.peak_at) if point.peak else None
    return {"at": to_text(point.at), "peak": point.peak, "peak_at": peak_at, "online": point.online, **of_days}


def _read_span(query: Mapping[str, str], from_at: int | None, now: int, back_ms: int = 0) -> tuple[int, int]:
    """`from` and `to`, which are `from_at`, or so long before the end, and now where they are not given."""
    to_at = _read_instant(query, "to", now)
    begin = _read_instant(query, "from", max(to_at - back_ms, 0) if from_at is None else min(from_at, to_at))
    if begin > to_at:
        raise Invalid(Problem("from", "must not be later than to"))
    return begin, to_at


def _read_instant(query: Mapping[str, str], name: str, default: int) -> int:
    if name not in query:
        return default
    try:
        return min(max(from_text(query[name]), 0), LATEST)
    except ValueError as error:
        raise Invalid(Problem(name, str(error))) from error


def _write_cursor(after: After) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(after)).rstrip(b"=").decode()


def _read_cursor(text: str) -> After | None:
    """None for an empty one, with which a list begins."""
    if not text:
        return None
    try:
        after = msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=tuple[int, int])
    except (ValueError, msgspec.MsgspecError) as error:
        raise Invalid(Problem("cursor", "is not one that a page's next link carried")) from error
    if not all(0 <= number <= ID_MAX for number in after):
        raise Invalid(Problem("cursor", "is not one that a page's next link carried"))
    return after
