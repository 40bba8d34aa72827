"""Errors as this dialect words them: JSON:API error objects, in German too where input was not acceptable."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from chatsrv.domain import errors
from chatsrv.domain.errors import ChatError, Conflict, Invalid, Problem, WrongState

Error = dict[str, Any]


class BadParameter(ChatError):
    """A query parameter that is unknown, or whose value is not acceptable."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


class TypeConflict(ChatError):
    """The resource in the body is not of the type, or has not the id, of what is written."""

    def __init__(self, member: str, message: str) -> None:
        super().__init__(message)
        self.pointer = f"/data/{member}"


@dataclass(frozen=True, slots=True)
class Words:
    status: int
    code: str
    title: str


INTERNAL = Words(500, "internal_error", "Internal server error")

WORDS: Mapping[type[ChatError], Words] = {
    BadParameter: Words(400, "invalid_parameter", "Invalid parameter"),
    errors.Malformed: Words(400, "bad_request", "Bad request"),
    errors.Unauthenticated: Words(401, "unauthorized", "Unauthorized"),
    errors.Forbidden: Words(403, "forbidden", "Forbidden"),
    errors.NotFound: Words(404, "not_found", "Not found"),
    errors.MethodNotAllowed: Words(405, "method_not_allowed", "Method not allowed"),
    TypeConflict: Words(409, "conflict", "Conflict"),
    errors.TooLarge: Words(413, "too_large", "Content too large"),
    errors.UnsupportedMediaType: Words(415, "unsupported_media_type", "Unsupported media type"),
    errors.OwnsServers: Words(422, "owns_servers", "Owns servers"),
    errors.TooManyRequests: Words(429, "too_many_requests", "Too many requests"),
    errors.Unavailable: Words(503, "unavailable", "Service unavailable"),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """What a rule of the domain says, as `pattern`, and how it is said here."""

    pattern: str
    code: str
    english: str
    german: str


RULES = (
    Rule(r"is required.*|must not be (?:empty|null).*|must be there.*", "blank", "can't be blank",
         "muss ausgefüllt werden"),
    Rule(r"has already been taken", "taken", "has already been taken", "ist bereits vergeben"),
    Rule(r"must have at most (\d+) characters", "too_long", "is too long (maximum is {} characters)",
         "ist zu lang (nicht mehr als {} Zeichen)"),
    Rule(r"must have at least (\d+) characters", "too_short", "is too short (minimum is {} characters)",
         "ist zu kurz (nicht weniger als {} Zeichen)"),
    Rule(r"is not known here|is nothing that can be set", "unknown", "is unknown", "ist unbekannt"),
    Rule(r"cannot be changed.*", "read_only", "can't be changed", "kann nicht geändert werden"),
    Rule(r"does not go .*", "wrong_state", "is not possible in this state", "ist in diesem Zustand nicht möglich"),
    Rule(r"is no (?:team|user|role) .*", "not_found", "must exist", "muss existieren"),
    Rule(r".*", "invalid", "is invalid", "ist ungültig"),
)  # fmt: skip
"""The first one that fits a problem; the last one fits all."""


def describe_error(error: ChatError | None, request: web.Request) -> tuple[int, Any]:
    problems = _problems(error)
    if problems:
        german = _wants_german(request.headers.get("Accept-Language", ""))
        return 422, {"errors": [_describe_problem(problem, str(error), german) for problem in problems]}
    words = _words_of(error)
    detail = str(error) if error else "Something went wrong on our side; the log knows it by the header X-Request-Id."
    described: Error = {"status": str(words.status), "code": words.code, "title": words.title, "detail": detail}
    return words.status, {"errors": [described | _source_of(error)]}


def _problems(error: ChatError | None) -> tuple[Problem, ...]:
    """What is wrong with single fields, as far as that is what is wrong."""
    match error:
        case Invalid():
            return error.problems
        case Conflict():
            return (Problem(error.field, "has already been taken"),)
        case WrongState():
            return (Problem("status", "does not go with the state"),)
    return ()


def _words_of(error: ChatError | None) -> Words:
    return next((WORDS[kind] for kind in type(error).__mro__ if kind in WORDS), INTERNAL)


def _source_of(error: ChatError | None) -> Error:
    if isinstance(error, BadParameter):
        return {"source": {"parameter": error.parameter}}
    return {"source": {"pointer": error.pointer}} if isinstance(error, TypeConflict) else {}


def _describe_problem(problem: Problem, sentence: str, german: bool) -> Error:
    """`meta` is where some clients look for the attribute's name."""
    attribute = problem.field.rpartition("/")[2]
    for rule in RULES:
        found = re.fullmatch(rule.pattern, problem.message, re.DOTALL)
        if found:
            title = (rule.german if german else rule.english).format(*found.groups()[:1])
            detail = sentence if rule.code == "wrong_state" else f"{attribute} {problem.message}"
            return {
                "status": "422",
                "code": rule.code,
                "title": title,
                "detail": detail,
                "source": {"pointer": _pointer(problem.field)},
                "meta": {"attribute": attribute, "message": title},
            }
    raise AssertionError("the last rule fits all")


def _pointer(field: str) -> str:
    """A field is an attribute, unless it is a pointer itself."""
    if field.startswith("/"):
        return field
    return "/data/attributes/" + field.replace("~", "~0").replace("/", "~1")


def _wants_german(header: str) -> bool:
    """Whether German comes before English among the languages that the client names."""
    weights: dict[str, float] = {}
    for item in header.split(","):
        tag, _, weight = item.partition(";")
        language = tag.strip().lower().partition("-")[0]
        weights[language] = max(weights.get(language, 0.0), _read_weight(weight))
    return weights.get("de", 0.0) > weights.get("en", 0.0)


def _read_weight(text: str) -> float:
    found = re.fullmatch(r"\s*q\s*=\s*([01](\.\d{0,3})?)\s*", text) if text else None
    return float(found[1]) if found else float(not text)
