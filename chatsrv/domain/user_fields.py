"""The rules that each field of a user must meet."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from chatsrv.domain import instants
from chatsrv.domain.errors import MetadataTooLarge, Problem
from chatsrv.domain.fields import Refused, check_each, read_avatar, read_text
from chatsrv.domain.instants import LATEST, NEVER
from chatsrv.domain.presence import Claim
from chatsrv.domain.presence_input import read_kept_claims
from chatsrv.domain.users import AccountStatus, Clocks, Onboarding

NAME_MAX = 191


def _name(value: Any) -> str:
    return read_text(value, NAME_MAX)


# what no font shows though Unicode counts it among letters, marks and symbols
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
_SPACES = " \u3000"
"""The space bar's, and the one that East Asian names have between them."""


def is_unseen(char: str) -> bool:
    """Whether a username could look empty with it, or like another one.

    Cf holds the bidi controls and most of what has no width; the joiners that some scripts need are among it, and may
    stand in every other name of a user.
    """
    category = unicodedata.category(char)
    return category in ("Cf", "Zl", "Zp") or (category == "Zs" and char not in _SPACES) or bool(_UNSEEN.match(char))


def _username(value: Any) -> str:
    text = _name(value)
    if not text:
        raise Refused("must not be empty")
    if text != text.strip():
        raise Refused("must not begin or end with a space")
    if not text.isascii() and any(is_unseen(char) for char in text):
        raise Refused("must have no invisible or bidirectional control characters, nor spaces of other kinds")
    if text in (".", ".."):
        raise Refused("must not be . or .., which no URL can carry")
    return text


def _email(value: Any) -> str:
    text = _name(value)
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", text):
        raise Refused("must be an email address")
    return text


def _pattern(pattern: str, sentence: str) -> Callable[[Any], str]:
    compiled = re.compile(pattern)

    def check(value: Any) -> str:
        text = _name(value)
        if not compiled.fullmatch(text):
            raise Refused(sentence)
        return text

    return check


def _metadata(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Refused("must be an object")
    return value


def _external_id(value: Any) -> str:
    text = _name(value)
    if not text:
        raise Refused("must not be empty; null clears it")
    return text


RULES: Mapping[str, Callable[[Any], Any]] = {
    "username": _username,
    "first_name": _name,
    "last_name": _name,
    "name": _name,
    "email": _email,
    "external_id": _external_id,
    "avatar": read_avatar,
    "role": _pattern(r"[A-Za-z][A-Za-z0-9_.-]{0,63}", "must be a word such as user or admin"),
    "language": _pattern(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*", "must be a language tag such as en or pt-BR"),
    "timezone": _pattern(r"[A-Za-z][A-Za-z0-9_+/ ().,&-]{0,63}", "must be a zone name such as Europe/Berlin"),
    "metadata": _metadata,
}
"""What may be written, each with the function that returns the value as it is stored or raises a ValueError."""

CLEARABLE = frozenset(RULES) - {"username", "role"}


def check_fields(values: Mapping[str, Any], metadata_max_bytes: int) -> dict[str, Any]:
    """Returns the values as they are stored; raises Invalid with every field that breaks its rule."""
    checked = check_each(values, _check_field)
    _check_metadata_size(checked.get("metadata"), metadata_max_bytes)
    return checked


def _check_field(field: str, value: Any) -> Any:
    if value is None:
        if field not in CLEARABLE:
            raise Refused("must not be null")
        return None
    return RULES[field](value)


def _check_metadata_size(metadata: Mapping[str, Any] | None, limit: int) -> None:
    if metadata and len(json.dumps(metadata, ensure_ascii=False, separators=(",", ":")).encode()) > limit:
        raise MetadataTooLarge(Problem("metadata", f"must take at most {limit} bytes as JSON"))


def check_restored(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that only an import may set: those that a user otherwise gets from the server."""
    return check_each(values, lambda field, value: RESTORABLE[field](value))


def _instant(value: Any) -> int:
    if value is None:
        return NEVER
    if not isinstance(value, str):
        raise Refused("must be an RFC 3339 string or null")
    at_ms = instants.from_text(value)
    if not NEVER < at_ms < LATEST:
        raise Refused("must lie in the years 1970 to 9998")
    return at_ms


def _made_at(value: Any) -> int:
    if value is None:
        raise Refused("must not be null")
    return _instant(value)


def _uuid(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value):
        raise Refused("must be a lower-case UUID")
    return value


def _status(value: Any) -> AccountStatus:
    if type(value) is not int or value not in (AccountStatus.ACTIVE, AccountStatus.INACTIVE):
        raise Refused("must be 0 (active) or 1 (inactive)")
    return AccountStatus(value)


def _onboarding(value: Any) -> Onboarding:
    words = {step.name.lower(): step for step in Onboarding}
    if not isinstance(value, str) or value not in words:
        raise Refused(f"must be one of {', '.join(words)}")
    return words[value]


def _claims(value: Any) -> tuple[Claim, ...]:
    return () if value is None else read_kept_claims(value)


def _to_others(value: Any) -> Clocks | None:
    names = [field.name for field in fields(Clocks)]
    if value is None:
        return None
    if not isinstance(value, dict) or value.keys() - set(names):
        raise Refused(f"must be an object of {', '.join(names)}")
    return Clocks(**{name: _instant(value.get(name)) for name in names})


RESTORABLE: Mapping[str, Callable[[Any], Any]] = {
    "uuid": _uuid,
    "status": _status,
    "created_at": _made_at,
    "updated_at": _made_at,
    "last_login_at": _instant,
    "last_active_at": _instant,
    "last_seen_at": _instant,
    "presence_changed_at": _instant,
    "to_others": _to_others,
    "claims": _claims,
    "tokens_since": _instant,
    "onboarding": _onboarding,
}
