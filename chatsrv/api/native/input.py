"""Reading a user as a client of the native dialect writes one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatsrv.api.dialect import Call
from chatsrv.domain.errors import Invalid, NotFound, Problem
from chatsrv.domain.user_fields import RULES
from chatsrv.domain.users import fold_case
from chatsrv.domain.wire import FIELDS

ID_DIGITS = 18
"""No database has ids of more."""

READ_ONLY = frozenset(FIELDS) - frozenset(RULES)
"""What a GET returned may be sent back; these are ignored."""


def read_new_user(body: Mapping[str, Any]) -> dict[str, Any]:
    """Raises Invalid where a field is unknown or `username` is missing."""
    values = _read_fields(body)
    if "username" not in values:
        raise Invalid(Problem("username", "is required"))
    return values


def read_changes(body: Mapping[str, Any], username: str) -> dict[str, Any]:
    """`username` is the one in the path; the body may repeat it."""
    values = _read_fields(body)
    sent = values.pop("username", username)
    if not isinstance(sent, str) or fold_case(sent) != fold_case(username):
        raise Invalid(Problem("username", "cannot be changed here; POST .../rename does it"))
    return values


def read_new_username(body: Mapping[str, Any]) -> Any:
    check_names(body, ("username",))
    if "username" not in body:
        raise Invalid(Problem("username", "is required"))
    return body["username"]


def read_id(call: Call, parameter: str, what: str) -> int:
    """The id in the path. Raises NotFound for what is none: nothing has it."""
    text = call.request.match_info[parameter]
    if not is_id(text):
        raise NotFound(f"There is no {what} {text[:40]!r}.")
    return int(text)


def is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= ID_DIGITS


def check_names(body: Mapping[str, Any], known: tuple[str, ...]) -> None:
    unknown = [Problem(name, "is not known here") for name in body if name not in known]
    if unknown:
        raise Invalid(*unknown)


def _read_fields(body: Mapping[str, Any]) -> dict[str, Any]:
    unknown = [name for name in body if name not in RULES and name not in READ_ONLY and name != "avatar_url"]
    if unknown:
        raise Invalid(*(Problem(name, "is not a field of a user") for name in unknown))
    values = {name: value for name, value in body.items() if name in RULES}
    if "avatar_url" in body and values.setdefault("avatar", body["avatar_url"]) != body["avatar_url"]:
        raise Invalid(Problem("avatar_url", "differs from avatar; send one of them"))
    return values
