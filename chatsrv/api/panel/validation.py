"""The panel's rules: which fields a user or server must have, and every rule that a body breaks."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chatsrv.api.panel.errors import Failure, ValidationFailed, attribute

LANGUAGES = ("en",)
"""Those that the server ships."""

LENGTH_MAX = 191

# dots stand between other characters alone, and labels neither begin nor end with a hyphen
_WORD = r"[^\s@()<>\[\]:;,\\\".\x00-\x1f\x7f]+"
_LABEL = r"[^\W_]+(?:-+[^\W_]+)*"
_EMAIL = re.compile(rf"{_WORD}(?:\.{_WORD})*@{_LABEL}(?:\.{_LABEL})*")
_USERNAME = re.compile(r"[a-z0-9][\w.-]+[a-z0-9]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rule:
    """`sentence` has a place for the field. Without a check the rule is met by what is not refused elsewhere."""

    name: str
    sentence: str
    meets: Callable[[Any], bool] | None = None

    def failure(self, field: str) -> Failure:
        return Failure(field, self.name, self.sentence.format(attribute(field)))


@dataclass(frozen=True, slots=True)
class Field:
    """Rules are tried in this order. A field that is not required may be left out; null meets all of a nullable one."""

    name: str
    rules: tuple[Rule, ...]
    nullable: bool = False


def _size(value: Any) -> int:
    """As the panel counts it: items of a list, characters of anything else."""
    if isinstance(value, list | dict):
        return len(value)
    if isinstance(value, bool):
        return int(value)
    return 0 if value is None else len(str(value))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_email(value: Any) -> bool:
    return isinstance(value, str) and _EMAIL.fullmatch(value) is not None


def _is_username(value: Any) -> bool:
    name = read_username(value)
    return name is not None and _USERNAME.fullmatch(name) is not None


def _is_flag(value: Any) -> bool:
    return type(value) in (bool, int, str) and value in (True, False, "0", "1")


def _is_integer(value: Any) -> bool:
    return read_integer(value) is not None


REQUIRED = Rule("required", "The {} field is required.", lambda value: value not in (None, [], {}))
STRING = Rule("string", "The {} must be a string.", _is_text)
EMAIL = Rule("email", "The {} must be a valid email address.", _is_email)
BETWEEN = Rule(
    "between",
    f"The {{}} must be between 1 and {LENGTH_MAX} characters.",
    lambda value: 1 <= _size(value) <= LENGTH_MAX,
)
MAX = Rule(
    "max", f"The {{}} may not be greater than {LENGTH_MAX} characters.", lambda value: _size(value) <= LENGTH_MAX
)
USERNAME = Rule(
    "p_username",
    "The {} must start and end with alpha-numeric characters and contain only letters, numbers, dashes, underscores, "
    "and periods.",
    _is_username,
)
BOOLEAN = Rule("boolean", "The {} field must be true or false.", _is_flag)
LANGUAGE = Rule("in", "The selected {} is invalid.", lambda value: value in LANGUAGES)
INTEGER = Rule("integer", "The {} must be an integer.", _is_integer)
UNIQUE = Rule("unique", "The {} has already been taken.")
EXISTS = Rule("exists", "The selected {} is invalid.")

USER = (
    Field("email", (REQUIRED, EMAIL, BETWEEN, UNIQUE)),
    Field("external_id", (STRING, MAX, UNIQUE), nullable=True),
    Field("username", (REQUIRED, BETWEEN, UNIQUE, USERNAME)),
    Field("password", (STRING,), nullable=True),
    Field("root_admin", (BOOLEAN,)),
    Field("language", (STRING, LANGUAGE)),
    Field("first_name", (REQUIRED, STRING, BETWEEN)),
    Field("last_name", (REQUIRED, STRING, BETWEEN)),
)
SERVER = (
    Field("name", (REQUIRED, STRING, BETWEEN)),
    Field("user", (REQUIRED, INTEGER, EXISTS)),
)


def check(
    fields: tuple[Field, ...], body: Mapping[str, Any], refused: Collection[str], kept: Collection[str] = ()
) -> None:
    """`refused` are the fields whose value is taken, or names nobody; `kept` those that stay as they are.

    What another dialect wrote and this one would refuse may be sent back as it was read. Raises ValidationFailed.
    """
    failures = [failure for field in fields if field.name not in kept for failure in _failures(field, body, refused)]
    if failures:
        raise ValidationFailed(*failures)


def _failures(field: Field, body: Mapping[str, Any], refused: Collection[str]) -> Iterator[Failure]:
    value = body.get(field.name)
    if REQUIRED in field.rules and not _meets(REQUIRED, value):
        yield REQUIRED.failure(field.name)
        return
    if field.name not in body or (value is None and field.nullable):
        return
    sound = True
    for rule in field.rules:
        # whether a value is taken is not asked of one that is broken anyway
        broken = sound and field.name in refused if rule.meets is None else not rule.meets(value)
        if broken:
            sound = False
            yield rule.failure(field.name)


def _meets(rule: Rule, value: Any) -> bool:
    return rule.meets is None or rule.meets(value)


def read_username(value: Any) -> str | None:
    """In lower case; a number is taken as text. None: it is neither."""
    return str(value).lower() if isinstance(value, str) or type(value) is int else None


def read_flag(value: Any) -> bool:
    """Of a value that BOOLEAN has met."""
    return value in (True, "1")


def read_integer(value: Any) -> int | None:
    """A number, or one written as text; None for anything else."""
    if type(value) is int:
        return value
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value):
        return int(value)
    return None
