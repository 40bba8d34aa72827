"""Rules that fields of several things share. A rule returns the value as it is kept, or raises Refused."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit
from uuid import UUID

from chatsrv.domain.errors import Invalid, Problem

AVATAR_MAX = 2048
READ_ONCE_MORE_MAX = 5
"""So often may the name of a file be decoded; a name takes no more."""
_ODD_IN_ADDRESS = re.compile(r"[\s\\<>\"`]")
_FILE_NAME = re.compile(r"[^/\\:<>\"?]+")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


T = TypeVar("T")
R = TypeVar("R")


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


def worded(check: Callable[[T], R], value: T) -> R:
    """What a check says of one thing, of whichever field that is. Raises Refused where it raises Invalid."""
    try:
        return check(value)
    except Invalid as error:
        raise Refused(error.problems[0].message) from error


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
    """One that every reader takes for the same: nothing in it that some of them cut, turn round or do not see, and
    nobody's name and password before the host."""
    if _ODD_IN_ADDRESS.search(text) or _has_invisible(text):
        return False
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    has_host = bool(parts.hostname) and "@" not in parts.netloc and "%" not in parts.netloc
    return parts.scheme in ("http", "https") and has_host and port != 0


def _is_file_name(text: str) -> bool:
    """A path is none, in whatever way it is written: whoever puts it behind an address may read it once more."""
    for _ in range(READ_ONCE_MORE_MAX):
        if not (_is_bare(text) and _is_bare(unicodedata.normalize("NFKC", text))):
            return False
        before, text = text, unquote(text)
        if text == before:
            return True
    return False


def _is_bare(text: str) -> bool:
    has_word = text.strip(". ") != "" and text == text.strip()
    return has_word and bool(_FILE_NAME.fullmatch(text)) and not _has_invisible(text)


def _has_invisible(text: str) -> bool:
    """Controls, those that turn the direction, what has no width, and ends of lines."""
    return any(unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp") for char in text)
