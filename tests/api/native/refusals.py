"""What every error of the native dialect looks like."""

from __future__ import annotations

import msgspec

from tests.client import Answer

TYPES = {
    1020: "ExpiredToken",
    1021: "InvalidToken",
    1302: "Unauthorized",
    40000: "BadRequest",
    40003: "BadParam",
    40013: "TooLargeMetadata",
    40015: "UserNotExists",
    40103: "TokenNotActive",
    40105: "NotAllowed",
    40301: "InactiveUser",
    40400: "ItemNotFound",
    40500: "MethodNotAllowed",
    40900: "AlreadyExists",
    41300: "TooLarge",
    41500: "UnsupportedMediaType",
    42900: "TooManyRequests",
    50001: "InternalError",
    50300: "Unavailable",
}
WITH_ERRORS = (40003, 40013, 40900)


def refused(answer: Answer, status: int, code: int, *fields: str) -> str:
    """Holds the answer against the exact shape; `fields` are those that `errors` names. Returns the message."""
    assert (answer.status, answer.json["code"], answer.json["type"]) == (status, code, TYPES[code]), answer.json
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json["traceId"] == answer.headers["X-Request-Id"]
    expected = {"code", "type", "message", "traceId"} | ({"errors"} if code in WITH_ERRORS else set())
    assert answer.json.keys() == expected
    assert answer.json["message"]
    errors = answer.json.get("errors", [])
    assert all(error.keys() == {"field", "message"} and error["message"] for error in errors)
    assert sorted(error["field"] for error in errors) == sorted(fields)
    return msgspec.json.encode(answer.json).decode()
