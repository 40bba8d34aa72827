"""Reading a resource object as a client writes one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from chatsrv.api.bodies import decode_json, read_body
from chatsrv.api.dialect import Call
from chatsrv.api.oksky import errors
from chatsrv.api.oksky.casts import cast

ID_MAX = 2**63 - 1
_ID = re.compile(r"[+-]?[0-9]{1,19}")


def read_type(call: Call) -> str:
    """Under which name the request came: the path's first word behind the prefix."""
    return call.request.path.split("/")[3]


def read_id(call: Call) -> int:
    """The one in the path. Raises Refusal."""
    text = call.request.match_info["id"]
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise errors.invalid_id(text)
    return to_id(text) or _no_record(text)


def to_id(value: Any) -> int | None:
    """An int or decimal digits; None for what no row can have as its id."""
    if type(value) is int:
        number = value
    elif isinstance(value, str) and _ID.fullmatch(value):
        number = int(value)
    else:
        return None
    return number if 0 < number <= ID_MAX else None


def _no_record(text: str) -> int:
    raise errors.no_record(text)


async def read_document(call: Call) -> dict[str, Any]:
    """No body at all is an empty document. Raises Malformed, TooLarge and Refusal."""
    body = await read_body(call.request, call.services.settings.body_max_bytes)
    document = decode_json(call.request, body) if body.strip() else {}
    if not isinstance(document, dict):
        raise errors.invalid_request()
    return document


async def read_new(call: Call, types: Collection[str], writable: Collection[str]) -> dict[str, Any]:
    """The attributes of a resource that is to be made. Raises Refusal."""
    data = await _read_resource(call)
    _check_type(data, types)
    return _read_attributes(data, writable, ())


async def read_changes(call: Call, types: Collection[str], writable: Collection[str]) -> dict[str, Any]:
    """The attributes that are to be set of the resource in the path. Raises Refusal."""
    data = await _read_resource(call)
    key = data.get("id")
    if key is None:
        raise errors.no_key()
    if str(key) != call.request.match_info["id"]:
        raise errors.wrong_key(key)
    _check_type(data, types)
    return _read_attributes(data, writable, ("id",))


async def read_identifiers(call: Call, types: Collection[str]) -> list[Any]:
    """The ids of resource identifier objects. Raises Refusal."""
    data = (await read_document(call)).get("data")
    if data is None or data in ([], {}, ""):
        raise errors.missing("data")
    if not isinstance(data, list):
        raise errors.invalid_links()
    return [_read_identifier(item, types) for item in data]


def _read_identifier(item: Any, types: Collection[str]) -> Any:
    if not isinstance(item, dict) or item.get("id") is None or item.get("type") is None:
        raise errors.invalid_links()
    if item["type"] not in types:
        raise errors.wrong_type(item["type"])
    return item["id"]


async def _read_resource(call: Call) -> dict[str, Any]:
    data = (await read_document(call)).get("data")
    if data is None or data in ([], {}, ""):
        raise errors.missing("data")
    if not isinstance(data, dict):
        raise errors.invalid_data()
    return data


def _check_type(data: Mapping[str, Any], types: Collection[str]) -> None:
    type_ = data.get("type")
    if type_ is None:
        raise errors.missing("type")
    if not isinstance(type_, str) or type_ not in types:
        raise errors.invalid_resource(type_)


def _read_attributes(data: Mapping[str, Any], writable: Collection[str], known: Collection[str]) -> dict[str, Any]:
    """The first name in the order of the document that may not be written is refused."""
    for name, value in data.items():
        if name == "attributes":
            _refuse_first(name for name in _names(value, "attributes") if name not in writable)
        elif name == "relationships":
            _refuse_first(_names(value, "relationships"))
        elif name != "type" and name not in known:
            raise errors.not_allowed(name)
    return cast(data.get("attributes") or {})


def _names(value: Any, name: str) -> Iterable[str]:
    if value is not None and not isinstance(value, dict):
        raise errors.not_allowed(name)
    return value or ()


def _refuse_first(names: Iterable[str]) -> None:
    for name in names:
        raise errors.not_allowed(name)
