"""Request heads, read as far as the front must understand them, and no more leniently than aiohttp reads them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

END = b"\r\n\r\n"

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
# no folded lines, no bare CR or LF, no NUL, no space before the colon: whatever else there is, aiohttp shall judge
_PLAIN = re.compile(
    rb"(?P<method>[A-Z]+) (?P<target>/[!-~]*) HTTP/1\.1\r\n(?P<fields>(?:" + _TOKEN + rb":[\t -~\x80-\xff]*\r\n)+)\r\n"
)
_FIELD = re.compile(rb"(" + _TOKEN + rb"):[\t ]*([^\r]*?)[\t ]*\r\n")
# whatever moves the end of a request, or may make the connection something else
_WEIGHTY = re.compile(rb"\r\n(content-length|transfer-encoding|expect|upgrade|connection):[\t ]*([^\r]*)", re.I)
_DIGITS = re.compile(rb"[0-9]{1,15}")
_WEBSOCKET_VERSION = "13"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@dataclass(frozen=True, slots=True)
class Head:
    """A whole request head. Field names are in lower case; what a field said several times comes in order."""

    method: str
    path: str
    query_string: str
    fields: Mapping[str, tuple[str, ...]]

    def get(self, name: str) -> str | None:
        """The field's first value; `name` in lower case."""
        values = self.fields.get(name)
        return values[0] if values else None


def read_body_length(head: bytes) -> int | None:
    """How many bytes follow this head as its body; None where that, or what comes after it, is in any doubt."""
    if _PLAIN.fullmatch(head) is None or head.startswith(b"CONNECT "):
        return None
    length = None
    for name, value in _WEIGHTY.findall(head):
        match name.lower():
            case b"content-length" if length is None and _DIGITS.fullmatch(value.strip()):
                length = int(value)
            case b"connection" if value.strip().lower() == b"keep-alive":
                pass
            case _:
                return None
    return length or 0


def read_head(head: bytes, line_max_bytes: int) -> Head | None:
    """None for what is no plain HTTP/1.1 head, or has a line that is too long."""
    plain = _PLAIN.fullmatch(head)
    if plain is None or (len(head) > line_max_bytes and max(map(len, head.split(b"\r\n"))) > line_max_bytes):
        return None
    path, _, query_string = plain["target"].decode("latin-1").partition("?")
    fields: dict[str, tuple[str, ...]] = {}
    for name, value in _FIELD.findall(plain["fields"]):
        key = name.decode("latin-1").lower()
        fields[key] = (*fields.get(key, ()), value.decode("latin-1"))
    return Head(plain["method"].decode(), path, query_string, fields)


def accept_key(head: Head) -> bytes | None:
    """What proves that a WebSocket is meant: the answer to its key; None unless the handshake is a right one."""
    keys = head.fields.get("sec-websocket-key", ())
    if not (
        head.method == "GET"
        and (head.get("upgrade") or "").lower() == "websocket"
        and "upgrade" in (token.strip().lower() for token in ",".join(head.fields.get("connection", ())).split(","))
        and head.fields.get("sec-websocket-version") == (_WEBSOCKET_VERSION,)
        and len(keys) == 1
        and len(head.fields.get("host", ())) == 1
        and not head.fields.keys() & {"content-length", "transfer-encoding", "expect"}
    ):
        return None
    return _answer_to(keys[0])


def _answer_to(key: str) -> bytes | None:
    try:
        if len(base64.b64decode(key, validate=True)) != 16:
            return None
    except (binascii.Error, ValueError):
        return None
    # the protocol asks for SHA-1, which protects nothing here
    return base64.b64encode(hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest())
