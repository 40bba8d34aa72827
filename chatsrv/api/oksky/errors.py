"""What the dialect refuses, in the words of the library that the original is built on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from aiohttp import web

from chatsrv.api.dialect import REQUEST_ID
from chatsrv.domain import errors
from chatsrv.domain.errors import ChatError, Problem

ErrorObject = dict[str, Any]

ECHO_MAX = 200
"""Of what a client sent so many characters come back."""


class Refusal(ChatError):
    """A request that the library refuses by itself: `title`, `detail` and its own `code` under an HTTP status."""

    def __init__(self, code: int, title: str, detail: str, status: int = 400) -> None:
        super().__init__(detail)
        self.code, self.title, self.status = code, title, status


def invalid_resource(name: Any) -> Refusal:
    return Refusal(101, "Invalid resource", f"{echo(name)} is not a valid resource.")


def filter_not_allowed(name: str) -> Refusal:
    return Refusal(102, "Filter not allowed", f"{echo(name)} is not allowed.")


def invalid_id(value: Any) -> Refusal:
    return Refusal(103, "Invalid field value", f"{echo(value)} is not a valid value for id.")


def invalid_field(kind: str, name: str) -> Refusal:
    return Refusal(104, "Invalid field", f"{echo(name)} is not a valid field for {kind}.")


def not_allowed(name: str) -> Refusal:
    return Refusal(105, "Param not allowed", f"{echo(name)} is not allowed.")


def missing(name: str) -> Refusal:
    return Refusal(106, "Missing Parameter", f"The required parameter, {name}, is missing.")


def no_key() -> Refusal:
    return Refusal(109, "A key is required", "The resource object does not contain a key.")


def wrong_key(key: Any) -> Refusal:
    return Refusal(110, "Key is not included in URL", f"The URL does not support the key {echo(key)}")


def invalid_include(kind: str, name: str) -> Refusal:
    return Refusal(112, "Invalid field", f"{echo(name)} is not a valid relationship of {kind}")


def include_too_large(limit: int) -> Refusal:
    return Refusal(112, "Invalid field", f"include may name at most {limit} relationships")


def too_many(limit: int) -> Refusal:
    return Refusal(112, "Invalid field", f"more than {limit} resources belong to what is asked for")


def invalid_sort(kind: str, name: str) -> Refusal:
    return Refusal(114, "Invalid sort criteria", f"{echo(name)} is not a valid sort criteria for {kind}")


def invalid_links() -> Refusal:
    return Refusal(115, "Invalid Links Object", "Data is not a valid Links Object.")


def wrong_type(name: Any) -> Refusal:
    return Refusal(116, "Type Mismatch", f"{echo(name)} is not a valid type for this operation.")


def page_too_large(limit: int) -> Refusal:
    return Refusal(118, "Invalid page value", f"size exceeds maximum page size of {limit}.")


def invalid_page(name: str, value: int) -> Refusal:
    return Refusal(118, "Invalid page value", f"{value} is not a valid value for {name} page parameter.")


def invalid_fields() -> Refusal:
    return Refusal(119, "Invalid field format", "Fields must specify a type.")


def invalid_filters(text: str) -> Refusal:
    return Refusal(120, "Invalid filters syntax", f"{echo(text)} is not a valid syntax for filtering.")


def invalid_data() -> Refusal:
    return Refusal(122, "Invalid data format", "Data must be a hash.")


def invalid_request() -> Refusal:
    return Refusal(400, "Bad Request", "Request must be a hash")


def replacement_forbidden() -> Refusal:
    detail = "Complete replacement forbidden for this relationship"
    return Refusal(403, "Complete replacement forbidden", detail, 403)


def no_record(key: Any) -> Refusal:
    return Refusal(404, "Record not found", f"The record identified by {echo(key)} could not be found.", 404)


def not_acceptable(accept: str) -> Refusal:
    detail = (
        "All requests must use the 'application/vnd.api+json' Accept without media type parameters. "
        f"This request specified '{echo(accept)}'."
    )
    return Refusal(406, "Not acceptable", detail, 406)


def unsupported_media_type(content_type: str) -> Refusal:
    detail = (
        "All requests that create or update must use the 'application/vnd.api+json' Content-Type. "
        f"This request specified '{echo(content_type)}'."
    )
    return Refusal(415, "Unsupported media type", detail, 415)


def echo(value: Any) -> str:
    """Texts as they are, other values as JSON.

    Header bytes that are no UTF-8 come as lone surrogates, which no JSON can carry.
    """
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text[:ECHO_MAX].encode("utf-8", "replace").decode()


# Errors as an answer


TITLES: Mapping[type[ChatError], tuple[int, str]] = {
    ChatError: (400, "Bad Request"),
    errors.Forbidden: (403, "Forbidden"),
    errors.NotFound: (404, "Record not found"),
    errors.RouteNotFound: (404, "Not Found"),
    errors.MethodNotAllowed: (405, "Method Not Allowed"),
    errors.TooLarge: (413, "Request Entity Too Large"),
    errors.UnsupportedMediaType: (415, "Unsupported media type"),
    errors.TooManyRequests: (429, "Too Many Requests"),
    errors.Unavailable: (503, "Service Unavailable"),
}
"""The nearest kind counts; whatever has no words of its own is a bad request."""

ATTRIBUTES: Mapping[str, str] = {
    "avatar": "avatar_url",
    "first_name": "full_name",
    "last_name": "full_name",
    "subject": "name",
    "type": "kind",
}
"""What fields of ours are called here."""

BLANK = frozenset(("must not be empty", "must not be null", "is required"))


def describe_error(error: ChatError | None, request: web.Request) -> tuple[int, Any]:
    status, described = _describe(error, request)
    return status, {"errors": described}


def _describe(error: ChatError | None, request: web.Request) -> tuple[int, list[ErrorObject]]:
    if error is None:
        detail = f"Something went wrong on our side; the log knows it by {request[REQUEST_ID]}."
        return 500, [_error(500, "Internal Server Error", detail, 500)]
    if isinstance(error, Refusal):
        return error.status, [_error(error.code, error.title, str(error), error.status)]
    if isinstance(error, errors.Unauthenticated):
        return 401, [_error(401, "Unauthorized", "Unauthorized", 401)]
    invalid = list(_validation_errors(error))
    if invalid:
        return 422, invalid
    status, title = next(TITLES[kind] for kind in type(error).__mro__ if kind in TITLES)
    return status, [_error(status, title, _detail(error, request), status)]


def _detail(error: ChatError, request: web.Request) -> str:
    is_record = isinstance(error, errors.NotFound) and not isinstance(error, errors.RouteNotFound)
    if is_record and "id" in request.match_info:
        return str(no_record(request.match_info["id"]))
    return echo(str(error))


def _validation_errors(error: ChatError) -> Iterator[ErrorObject]:
    match error:
        case errors.Invalid():
            yield from _each_problem(error.problems)
        case errors.Conflict():
            yield _invalid(error.field, "has already been taken")
        case errors.OwnsServers():
            yield _error(100, "owns servers", echo(str(error)), 422)


def _each_problem(problems: tuple[Problem, ...]) -> list[ErrorObject]:
    """Two fields of ours may be one here, and are told of once."""
    described = [_invalid(p.field, "can't be blank" if p.message in BLANK else p.message) for p in problems]
    return [item for position, item in enumerate(described) if item not in described[:position]]


def _invalid(field: str, message: str) -> ErrorObject:
    name = ATTRIBUTES.get(field, field)
    source = {"pointer": f"/data/attributes/{name}"}
    return _error(100, message, f"{name} - {message}", 422, source)


def _error(code: int, title: str, detail: str, status: int, source: Mapping[str, str] | None = None) -> ErrorObject:
    described: ErrorObject = {"title": title, "detail": detail, "code": str(code)}
    if source:
        described["source"] = source
    return {**described, "status": str(status)}
