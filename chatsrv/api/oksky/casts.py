"""Values as Rails takes them from forms, where nothing is lost by it; whatever else comes is left for the rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_FLAGS: Mapping[str, bool] = {"true": True, "1": True, "false": False, "0": False}


def _to_integer(value: Any) -> Any:
    return int(value) if isinstance(value, str) and _INTEGER.fullmatch(value) else value


def _to_flag(value: Any) -> Any:
    if type(value) is int:
        return _FLAGS.get(str(value), value)
    return _FLAGS.get(value, value) if isinstance(value, str) else value


def _to_text(value: Any) -> Any:
    return None if value == "" else value


CASTS: Mapping[str, Callable[[Any], Any]] = {
    "max_support_count": _to_integer,
    "in_training": _to_flag,
    "sound_notification": _to_flag,
    "is_private": _to_flag,
    "email": _to_text,
    "avatar_url": _to_text,
    "timezone": _to_text,
    "language": _to_text,
    "notification_email": _to_text,
    "last_seen_location": _to_text,
}


def cast(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """`"5"` is 5, `"1"`, `1` and `"true"` are true, and the empty text is nothing: each where the attribute is such."""
    return {name: CASTS[name](value) if name in CASTS else value for name, value in attributes.items()}
