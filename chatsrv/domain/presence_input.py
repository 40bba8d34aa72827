"""What clients say about presence, read the same over REST and over sockets. Everything raises Invalid."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chatsrv.domain.errors import Invalid, Problem
from chatsrv.domain.fields import Refused, read_text
from chatsrv.domain.instants import NEVER, from_text, to_text
from chatsrv.domain.presence import Claim, PresenceStatus, Source

TEXT_MAX = 100
EMOJI_MAX_BYTES = 32
LATEST_END = 95_617_584_000_000
"""The year 5000. What the scripts of Redis reckon with has 14 digits, which end in the year 5138."""

STATUSES: Mapping[Any, PresenceStatus] = {
    key: status
    for status in (PresenceStatus.ONLINE, PresenceStatus.AWAY, PresenceStatus.DND, PresenceStatus.INVISIBLE)
    for key in (int(status), status.name.lower())
}
STATUS_SENTENCE = "must be online, away, dnd or invisible (1, 3, 4, 2); whoever goes offline closes their connections"

KEPT_FIELDS = ("id", "source", "status", "text", "emoji", "expires_at", "set_at")
KEPT_MAX = 100
CLAIM_ID_MAX = 100

CLAIM_FIELDS = ("status", "text", "emoji", "expires_at")
"""What both edges take; the source can be chosen over REST alone."""


def read_claim(fields: Mapping[str, Any], claim_id: str, now: int) -> Claim:
    """Of the fields `status, text, emoji, expires_at, source`, each of which may be missing or null."""
    problems: list[Problem] = []

    def read(name: str, rule: Callable[[Any], Any], otherwise: Any) -> Any:
        if fields.get(name) is None:
            return otherwise
        try:
            return rule(fields[name])
        except ValueError as error:
            problems.append(Problem(name, str(error)))
            return otherwise

    claim = Claim(
        id=claim_id,
        source=read("source", _source, Source.MANUAL),
        status=read("status", _status, None),
        text=read("text", _text, None),
        emoji=read("emoji", _emoji, None),
        expires_at=read("expires_at", lambda value: _future(value, now), NEVER),
        set_at=now,
    )
    if problems:
        raise Invalid(*problems)
    return claim


def read_kept_claims(value: Any) -> tuple[Claim, ...]:
    """Those of an export, over or not. Raises ValueError."""
    if not isinstance(value, list) or len(value) > KEPT_MAX:
        raise Refused(f"must be an array of at most {KEPT_MAX} claims")
    return tuple(_kept_claim(item) for item in value)


def _kept_claim(item: Any) -> Claim:
    if not isinstance(item, dict) or item.keys() - KEPT_FIELDS:
        raise Refused(f"must hold objects of {', '.join(KEPT_FIELDS)}")
    return Claim(
        id=read_text(item.get("id"), CLAIM_ID_MAX),
        source=_source(item.get("source")),
        status=None if item.get("status") is None else _status(item["status"]),
        text=None if item.get("text") is None else _text(item["text"]),
        emoji=None if item.get("emoji") is None else _emoji(item["emoji"]),
        expires_at=NEVER if item.get("expires_at") is None else _instant(item["expires_at"]),
        set_at=_instant(item.get("set_at")),
    )


def _instant(value: Any) -> int:
    at = from_text(value) if isinstance(value, str) else NEVER
    if not NEVER < at < LATEST_END:
        raise Refused("must be an RFC 3339 instant before the year 5000")
    return at


def read_status(value: Any) -> PresenceStatus:
    """The int or the word."""
    try:
        return _status(value)
    except ValueError as error:
        raise Invalid(Problem("status", str(error))) from error


def read_usernames(fields: Mapping[str, Any], most: int, limit: str) -> list[str]:
    return read_names(fields, "usernames", most, limit)


def read_names(fields: Mapping[str, Any], field: str, most: int, limit: str) -> list[str]:
    """`limit`: the setting that says how many."""
    names = fields.get(field)
    if isinstance(names, list) and len(names) <= most and all(isinstance(name, str) for name in names):
        return names
    error = Invalid(Problem(field, f"must be an array of at most {most} strings"))
    raise error.over(limit) if isinstance(names, list) and len(names) > most else error


def _status(value: Any) -> PresenceStatus:
    # True would be found as 1, and a float as the int that it equals
    if type(value) not in (int, str) or value not in STATUSES:
        raise ValueError(STATUS_SENTENCE)
    return STATUSES[value]


def _source(value: Any) -> Source:
    if not isinstance(value, str) or value not in tuple(Source):
        raise ValueError(f"must be one of {', '.join(Source)}")
    return Source(value)


def _text(value: Any) -> str | None:
    """Spaces at the ends are nobody's message."""
    return read_text(value, TEXT_MAX).strip(" ") or None


def _emoji(value: Any) -> str | None:
    text = read_text(value).strip(" ")
    if len(text.encode()) > EMOJI_MAX_BYTES:
        raise Refused(f"must have at most {EMOJI_MAX_BYTES} bytes")
    return text or None


def _future(value: Any, now: int) -> int:
    if not isinstance(value, str):
        raise ValueError("must be an RFC 3339 instant, such as 2026-03-01T09:30:00Z")
    at = from_text(value)
    if not now < at < LATEST_END:
        raise ValueError(f"must lie in the future, before the year 5000; it is {to_text(now)} here")
    return at
