"""Errors in the panel's words: `{"errors": [{code, status, detail, meta?}]}`, whatever the Accept header says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from chatsrv.domain import errors
from chatsrv.domain.errors import ChatError

UNEXPECTED = "An unexpected error was encountered while processing this request, please try again."
NOT_FOUND = "The requested resource could not be found on the server."
OWNS_SERVERS = (
    "Cannot delete a user with active servers attached to their account. Please delete their servers before continuing."
)
METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE")
"""In the order in which the panel names them."""


class BadJson(errors.Malformed):
    """The body is to be read as JSON, and is none."""


class BadQuery(ChatError):
    """A filter or sort that there is none of; `code` is what the panel calls it."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class ForeignAddress(errors.Forbidden):
    """The key may not be used from there."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One rule that one field broke, with the sentence about it."""

    field: str
    rule: str
    detail: str


class ValidationFailed(ChatError):
    """Every rule that was broken, in the order of the fields."""

    def __init__(self, *failures: Failure) -> None:
        super().__init__("; ".join(failure.detail for failure in failures))
        self.failures = failures


@dataclass(frozen=True, slots=True)
class Words:
    """How one kind of error reads; without a `detail` its own text is told."""

    status: int
    code: str
    detail: Callable[[Any, web.Request], str] = lambda error, _: str(error)


def _always(text: str) -> Callable[[Any, web.Request], str]:
    return lambda _error, _request: text


def _path(request: web.Request) -> str:
    return request.rel_url.raw_path.strip("/")


def _no_route(_: errors.RouteNotFound, request: web.Request) -> str:
    return f"The route {_path(request)} could not be found."


def _no_method(error: errors.MethodNotAllowed, request: web.Request) -> str:
    supported = ", ".join(method for method in METHODS if method in error.allowed)
    return f"The {request.method} method is not supported for route {_path(request)}. Supported methods: {supported}."


WORDS: Mapping[type[ChatError], Words] = {
    BadJson: Words(
        400,
        "BadRequestHttpException",
        _always("The JSON data passed in the request appears to be malformed: Syntax error"),
    ),
    errors.Malformed: Words(400, "BadRequestHttpException"),
    errors.OwnsServers: Words(400, "DisplayException", _always(OWNS_SERVERS)),
    errors.Unauthenticated: Words(401, "AuthenticationException", _always("Unauthenticated.")),
    ForeignAddress: Words(403, "AccessDeniedHttpException"),
    errors.Forbidden: Words(403, "AccessDeniedHttpException", _always("This action is unauthorized.")),
    errors.RouteNotFound: Words(404, "NotFoundHttpException", _no_route),
    errors.NotFound: Words(404, "NotFoundHttpException", _always(NOT_FOUND)),
    errors.MethodNotAllowed: Words(405, "MethodNotAllowedHttpException", _no_method),
    errors.TooLarge: Words(413, "PostTooLargeException"),
    errors.TooManyRequests: Words(429, "ThrottleRequestsException", _always("Too Many Attempts.")),
    errors.Unavailable: Words(503, "ServiceUnavailableHttpException"),
}

ATTRIBUTES: Mapping[str, str] = {
    "external_id": "Third Party Identifier",
    "root_admin": "Root Administrator Status",
}
"""What sentences call a field whose own name does not read well."""

UNIQUE = ("email", "external_id", "username")


def attribute(field: str) -> str:
    return ATTRIBUTES.get(field, field.replace("_", " "))


def describe_error(error: ChatError | None, request: web.Request) -> tuple[int, Any]:
    failures = _failures(error)
    if failures:
        return 422, {"errors": [_describe_failure(failure) for failure in failures]}
    if isinstance(error, BadQuery):
        return 400, _one(400, error.code, str(error))
    words = next((WORDS[kind] for kind in type(error).__mro__ if kind in WORDS), None)
    if words is None:
        return 500, _one(500, "HttpException", UNEXPECTED)
    return words.status, _one(words.status, words.code, words.detail(error, request))


def _one(status: int, code: str, detail: str) -> dict[str, Any]:
    return {"errors": [{"code": code, "status": str(status), "detail": detail}]}


def _failures(error: ChatError | None) -> Iterable[Failure]:
    """What a service finds wrong, too: the domain is stricter here and there, and the database has the last word."""
    if isinstance(error, ValidationFailed):
        return error.failures
    if isinstance(error, errors.Conflict):
        return [_taken(error)]
    if isinstance(error, errors.Invalid):
        return [
            Failure(problem.field, "regex", f"The {attribute(problem.field)} {problem.message}.")
            for problem in error.problems
        ]
    return ()


def _taken(error: errors.Conflict) -> Failure:
    sentence = f"The {attribute(error.field)} has already been taken."
    return Failure(error.field, "unique", sentence if error.field in UNIQUE else str(error))


def _describe_failure(failure: Failure) -> dict[str, Any]:
    return {
        "code": "ValidationException",
        "status": "422",
        "detail": failure.detail,
        "meta": {"source_field": failure.field, "rule": failure.rule},
    }
