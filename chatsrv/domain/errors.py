"""What can go wrong, by meaning. The edges give each meaning its words, status and code."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one field of the input; `message` is a sentence without the field's name."""

    field: str
    message: str


class ChatError(Exception):
    """The root of every error that an edge turns into an answer; its text may be shown to the caller.

    `limit`: the setting that the caller has come up against, where it is one; operators see it counted.
    """

    limit: str | None = None

    def over(self, limit: str) -> Self:
        """The same error, with the setting that was too little for the caller."""
        self.limit = limit
        return self


class SetupError(Exception):
    """The server or a command cannot begin; the text says what is in the way and how to mend it."""


class Malformed(ChatError):
    """The bytes are not what they should be: broken JSON, an array in an object's place."""


class Invalid(ChatError):
    """The input is well formed, but one or more fields are not acceptable."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(f"{problem.field}: {problem.message}" for problem in problems))
        self.problems = problems


class WrongUser(ChatError):
    """A new token for a live socket is another user's."""


class MetadataTooLarge(Invalid):
    """The user's `metadata` takes more room than the setting allows."""

    limit = "metadata_max_bytes"


class Conflict(ChatError):
    """Another row already holds a value that must be unique; `field` names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class OwnsServers(ChatError):
    """Somebody who owns servers cannot be deleted."""


class WrongState(ChatError):
    """The account is in no state in which this can be done to it."""


class NotFound(ChatError):
    """The thing that was named does not exist, as far as this caller may know."""


class UserNotFound(NotFound):
    """No such user in this app."""


class RouteNotFound(NotFound):
    """No route has this path."""


class MethodNotAllowed(ChatError):
    """The path exists, the method does not; `allowed` are those that do."""

    def __init__(self, method: str, allowed: frozenset[str]) -> None:
        super().__init__(f"{method} is not allowed here, only {', '.join(sorted(allowed))}.")
        self.allowed = allowed


class Distrust(StrEnum):
    """Why a caller is not who they say they are."""

    MISSING = "missing"
    UNKNOWN_KEY = "unknown_key"
    BAD_TOKEN = "bad_token"  # noqa: S105 - a reason, not a secret
    EXPIRED_TOKEN = "expired_token"  # noqa: S105 - a reason, not a secret
    EARLY_TOKEN = "early_token"  # noqa: S105 - a reason, not a secret
    REVOKED_TOKEN = "revoked_token"  # noqa: S105 - a reason, not a secret
    NO_SUCH_USER = "no_such_user"
    BAD_PASSWORD = "bad_password"  # noqa: S105 - a reason, not a secret
    BAD_BEARER = "bad_bearer"


class Unauthenticated(ChatError):
    """The caller did not prove who they are."""

    def __init__(self, reason: Distrust, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Forbidden(ChatError):
    """We know the caller; this is not theirs to do."""


class Inactive(Forbidden):
    """The caller's account is deactivated."""


class TooLarge(ChatError):
    """The body is over the limit."""


class UnsupportedMediaType(ChatError):
    """The body is of a type that this endpoint does not read."""


class TooManyRequests(ChatError):
    """The caller is over their rate; `retry_after_s` says when to come back."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


DATABASE = "database"
"""What is unavailable where that is SQL."""


class Unavailable(ChatError):
    """A store that this needs does not answer now, or refuses; coming back later makes sense.

    `why` completes a sentence about `what`, in words that anybody may read: no names, no addresses.
    """

    def __init__(self, what: str, retry_after_s: float = 1.0, why: str = "does not answer") -> None:
        super().__init__(f"The {what} {why} right now.")
        self.what = what
        self.why = why
        self.retry_after_s = retry_after_s
