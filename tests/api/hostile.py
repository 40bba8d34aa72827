"""Values that nobody means well with, and every place of a request that could hold one by the documents."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from chatsrv.api.pages import read_document

Place = tuple[str, ...]

TEXTS = (
    *("", "\0", "a\0b", "a\r\nX-Evil: 1", "\x1b[2J", "\u202e", "\u200b", "\u3164", "x" * 3000),
    *("%s%n{0}", "' OR 1=1 --", "../../x"),
)
NUMBERS = ("-1", "2147483648", "9223372036854775807", "9223372036854775808", "18446744073709551616", "1e308", "-0.5")
JSON_VALUES = (
    *(json.dumps(text) for text in TEXTS),
    *NUMBERS,
    *("1" + "0" * 400, "NaN", "Infinity", '"\\ud800"', '"\\ud800\\udc00"', "null", "true"),
    *("[]", "{}", "[[]]", "[null]", '{"a":null}', '{"__proto__":{"role":"admin"}}', "[" * 40 + "]" * 40),
)
"""As JSON has them, and some as it has not."""

PARTS = (
    *(quote(text, safe="") for text in TEXTS if text),
    *NUMBERS,
    *("1" + "0" * 400, "%FF", "%ED%A0%80", "%2e%2e", "%2F", "..%2f..", "a;b=c", "+1", "%2B1"),
    # a digit that is none of ours, a capital that has no small letter of its own, the sign of a unit, and the like
    *("%D9%A1", "%C4%B0", "%E2%84%AA", "{}", "%25", "1%20", "0x1", "1_0", "00000000-0000-0000-0000-000000000000"),
)
"""For a path or a query, percent-encoded."""

ASSIGNED = (
    *("id", "uuid", "app_id", "appId", "status", "state", "created_at", "updated_at", "role", "tokens_since"),
    *("password_hash", "discarded_at", "onboarding", "username_key", "claims", "__proto__", "constructor", "$where"),
)
"""Names that the database or a language knows, and that a client should not be able to set by naming them."""

BODIES = (
    *(b"", b" ", b"null", b"true", b"1", b'"x"', b"[]", b"[{}]", b"{", b"}", b'{"a":1}x', b"\xff", b"\x00", b"<a/>"),
    *(b"\xef\xbb\xbf{}", b'{"data":NaN}', b'{"data":[' * 60, b"[" * 2000, b'{"\\ud800":1}', b'{"data":[null]}'),
    *(b'{"a":1,"a":2,"data":{},"data":[]}', b'{"data":{"type":[]}}', b'{"data":{"id":{},"type":{"a":1}}}'),
    b'{"data":{"type":"users","attributes":[]}}',
    b'{"data":{"type":"users","attributes":null,"relationships":7}}',
    *(b'{"users":{}}', b'{"usernames":[[]]}', b'{"members":[{}]}', b'{"owner":{"username":[]}}'),
)


DEEPEST = 4


def places(dialect: str, method: str, path: str) -> list[Place]:
    """Every member that the body of this operation may have, at any depth of objects."""
    document = read_document(dialect)
    operation = document["paths"].get(re.sub(r":[^}]*}", "}", path), {}).get(method.lower(), {})
    content = _resolved(document, operation.get("requestBody", {})).get("content", {})
    found: dict[Place, None] = {}
    for media in content.values():
        for place in _members(document, media.get("schema", {}), ()):
            found[place] = None
    return list(found)


def _members(document: Any, schema: Any, at: Place) -> Iterator[Place]:
    schema = _resolved(document, schema)
    if len(at) >= DEEPEST:
        return
    for name, below in schema.get("properties", {}).items():
        yield (*at, name)
        yield from _members(document, below, (*at, name))
    for one in (*schema.get("allOf", ()), *schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from _members(document, one, at)


def _resolved(document: Any, item: Any) -> Any:
    while "$ref" in item:
        target = document
        for part in item["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        item = target
    return item


def query_names(dialect: str, path: str) -> list[str]:
    """The parameters of a GET, as the document has them."""
    document = read_document(dialect)
    item = document["paths"][re.sub(r":[^}]*}", "}", path)]
    given = [*item.get("parameters", ()), *item["get"].get("parameters", ())]
    parameters = [_resolved(document, parameter) for parameter in given]
    return [parameter["name"] for parameter in parameters if parameter["in"] == "query"]


def put_in(body: Any, place: Place, raw: str) -> bytes:
    """The body as JSON, with these very letters at that place."""
    mark = "5d41402abc4b2a76b9719d911017c592"
    return json.dumps(_with(body, place, mark)).replace(f'"{mark}"', raw).encode()


def _with(body: Any, place: Place, value: Any) -> Any:
    if not place:
        return value
    held = body if isinstance(body, dict) else {}
    return {**held, place[0]: _with(held.get(place[0]), place[1:], value)}
