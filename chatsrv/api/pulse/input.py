"""Reading the resource in a body, and the rules that this dialect adds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from chatsrv.api.bodies import decode_json, read_body
from chatsrv.api.dialect import OpenCall
from chatsrv.api.pulse.errors import TypeConflict
from chatsrv.domain.errors import Invalid, Malformed, Problem
from chatsrv.domain.fields import Refused, check_each
from chatsrv.domain.user_fields import RULES

READ_ONLY = ("discarded_at", "status", "created_at", "updated_at")
USER = ("name", "email", "avatar")


async def read_data(call: OpenCall, kinds: tuple[str, ...]) -> dict[str, Any]:
    """The resource, of one of these types. Raises Malformed, Invalid, TypeConflict and TooLarge."""
    data = _find_data(await _read_document(call))
    kind = data.get("type")
    if kind is None:
        raise Invalid(Problem("/data/type", "is required"))
    if kind not in kinds:
        raise TypeConflict("type", f"The type must be {kinds[0]}, not {str(kind)[:40]!r}.")
    return data


async def read_attributes(
    call: OpenCall, kinds: tuple[str, ...], names: tuple[str, ...], id_: str | None = None
) -> dict[str, Any]:
    """What is to be written of the resource with this id, or of a new one; names that are missing stay out.

    Raises Malformed, Invalid with every attribute that cannot be written, TypeConflict and TooLarge.
    """
    data = await read_data(call, kinds)
    _check_id(data.get("id"), id_)
    attributes = data.get("attributes") or {}
    if not isinstance(attributes, dict):
        raise Invalid(Problem("/data/attributes", "must be an object"))
    problems = [*_unwritable(attributes, names), *_relationships(data.get("relationships"))]
    if problems:
        raise Invalid(*problems)
    return attributes


def read_user(attributes: Mapping[str, Any], *, is_new: bool) -> dict[str, Any]:
    """As the directory keeps it. Raises Invalid with every attribute that breaks its rule."""
    required = {"name": None} if is_new else {}
    return check_each({**required, **attributes}, lambda name, value: USER_RULES[name](value))


async def _read_document(call: OpenCall) -> dict[str, Any]:
    body = await read_body(call.request, call.services.settings.body_max_bytes)
    if not body:
        raise Malformed("The body is empty; send a JSON:API document.")
    document = decode_json(call.request, body)
    if not isinstance(document, dict):
        raise Malformed("The body must be a JSON object.")
    return document


def _find_data(document: dict[str, Any]) -> dict[str, Any]:
    """Some clients wrap a document into another one."""
    data = document.get("data")
    if isinstance(data, dict) and isinstance(data.get("data"), dict):
        data = data["data"]
    if not isinstance(data, dict):
        raise Invalid(Problem("/data", "must be an object"))
    return data


def _check_id(sent: Any, id_: str | None) -> None:
    """Ids are given by the server; where there is one the body may repeat it."""
    if sent in (None, ""):
        return
    if id_ is None or str(sent).lower() != id_.lower():
        where = "that of the path" if id_ else "left out: the server gives it"
        raise TypeConflict("id", f"The id must be {where}.")


def _unwritable(attributes: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[Problem]:
    for name in attributes:
        if name not in names:
            yield Problem(name, "cannot be changed" if name in READ_ONLY else "is not known here")


def _relationships(relationships: Any) -> Iterator[Problem]:
    """What was read may be sent back, but linkage is not written this way, and must not seem to be."""
    if not isinstance(relationships, dict | None):
        yield Problem("/data/relationships", "must be an object")
        return
    for name, relationship in (relationships or {}).items():
        if isinstance(relationship, dict) and "data" in relationship:
            pointer = name.replace("~", "~0").replace("/", "~1")
            yield Problem(f"/data/relationships/{pointer}", "cannot be changed in this way")


def _name(value: Any) -> str:
    text: str = RULES["name"]("" if value is None else value).strip()
    if not text:
        raise Refused("must not be empty")
    return text


def _file_name(value: Any) -> str:
    text: str = RULES["avatar"](value)
    if "/" in text:
        raise Refused("must be a file name without a directory")
    return text


def _nullable(rule: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else rule(value)


USER_RULES: Mapping[str, Callable[[Any], Any]] = {
    "name": _name,
    "email": _nullable(RULES["email"]),
    "avatar": _nullable(_file_name),
}
