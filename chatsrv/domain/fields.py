"""Rules that fields of several things share. A rule returns the value as it is kept, or raises Refused."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from chatsrv.domain.errors import Invalid, Problem

AVATAR_MAX = 2048
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Refused(ValueError):
    """The sentence that the rule of a field has for a value."""


def check_each(values: Mapping[str, Any], rule: Callable[[str, Any], Any]) -> dict[str, Any]:
    """Each value as `rule`, asked with the field's name, returns it. Raises Invalid with every one that it refuses."""
    checked: dict[str, Any] = {}
    problems = []
    for field, value in values.items():
        try:
            checked[field] = rule(field, value)
        except ValueError as refusal:
            problems.append(Problem(field, str(refusal)))
    if problems:
        raise Invalid(*problems)
    return checked


def is_storable(text: str) -> bool:
    """No text column can hold a NUL or half a surrogate pair, and a driver asked for one fails."""
    return not any(char == "\0" or "\ud800" <= char <= "\udfff" for char in text)


def read_text(value: Any, limit: int | None = None) -> str:
    """Of at most `limit` characters after normalisation."""
    if not isinstance(value, str):
        raise Refused("must be a string")
    text = unicodedata.normalize("NFC", value)
    if limit is not None and len(text) > limit:
        raise Refused(f"must have at most {limit} characters")
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in text):
        raise Refused("must have no control characters")
    return text


def read_uuid(value: Any) -> UUID:
    """Of the usual form with four hyphens, in upper or lower case."""
    if isinstance(value, str) and _UUID.fullmatch(value):
        return UUID(value)
    raise Refused("must be a UUID")


def read_avatar(value: Any) -> str:
    text = read_text(value, AVATAR_MAX)
    return text if _is_web_address(text) or _is_file_name(text) else _refuse_avatar()


def _refuse_avatar() -> str:
    raise Refused("must be an http(s) URL or a bare file name")


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and " " not in text


def _is_file_name(text: str) -> bool:
    return bool(re.fullmatch(r"[^/\\:<>\"]+", text)) and text not in (".", "..") and text == text.strip()
