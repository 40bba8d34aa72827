"""What the SQL drivers' errors mean: conflicts, and the many ways in which a database is out of reach."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from chatsrv.domain.errors import DATABASE, Conflict, NotFound, Unavailable

UNIQUE_FIELDS = {
    # before name_key, which it contains
    "username_key": "username",
    "email_key": "email",
    "external_id": "external_id",
    "uuid": "uuid",
    "uri": "uri",
    "name_key": "name",
    "team_memberships": "user_id",
    "apps": "appId",
}
"""Which field a broken unique constraint is about, by a word of its message."""

IS_FULL, IS_READ_ONLY, IS_DAMAGED = "has no room on its disk", "is read-only", "is damaged"
NOT_LET_IN = "does not let us in"
IS_IN_USE = "is in use by somebody who does not let go"

STATES = {
    "53100": IS_FULL,
    "53200": "is out of memory",
    "53300": "has no connection left",
    "25006": IS_READ_ONLY,
    "28000": NOT_LET_IN,
    "28P01": NOT_LET_IN,
    "42501": NOT_LET_IN,
    "3D000": "is not there",
    "55P03": IS_IN_USE,
    "57P03": "is starting or stopping",
}
"""PostgreSQL's codes of what a database refuses for a while, by what anybody may be told of it."""

OUTAGES = ("08", "53", "57", "58")
"""Classes of those codes: connection, resources, operator, system. Trying again may help."""

SQLITE_CODES = {
    sqlite3.SQLITE_FULL: IS_FULL,
    sqlite3.SQLITE_READONLY: IS_READ_ONLY,
    sqlite3.SQLITE_CORRUPT: IS_DAMAGED,
    sqlite3.SQLITE_NOTADB: IS_DAMAGED,
    sqlite3.SQLITE_NOMEM: "is out of memory",
}

TAKES_NO_CHANGES = frozenset((IS_FULL, IS_READ_ONLY))
"""It may still be read."""


class Overtaken(Unavailable):
    """The database undid this transaction in favour of another; running it again at once makes sense."""


@contextmanager
def translated() -> Iterator[None]:
    """Turns what the driver raises into what it means, and nothing else."""
    try:
        yield
    except exc.IntegrityError as error:
        raise meaning_of(error) from error
    except (exc.TimeoutError, OSError) as error:
        raise Unavailable(DATABASE) from error
    except exc.DBAPIError as error:
        if _state_of(error).startswith("40"):
            raise Overtaken("database") from error
        why = _reason(error)
        if why:
            raise Unavailable(DATABASE, why=why) from error
        raise


def _reason(error: exc.DBAPIError) -> str | None:
    """Why it is an outage; None where the statement is a mistake of ours."""
    code = _sqlite_code(error)
    # the plain code is a statement that cannot be; others are locks, disks and files
    if code is not None and code != sqlite3.SQLITE_ERROR:
        return SQLITE_CODES.get(code, "does not answer")
    state = _state_of(error)
    # without a statement it was the way to the database that failed
    if state in STATES or state[:2] in OUTAGES or error.connection_invalidated or error.statement is None:
        return STATES.get(state, "does not answer")
    return None


def _sqlite_code(error: exc.DBAPIError) -> int | None:
    """Of the errors that are not about what a statement says. None where there is none, as with PostgreSQL."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    is_ours = isinstance(error.orig, sqlite3.ProgrammingError | sqlite3.InterfaceError | sqlite3.DataError)
    return None if code is None or is_ours else code & 0xFF


def _state_of(error: exc.DBAPIError) -> str:
    """PostgreSQL's code of what went wrong; SQLite has none."""
    return getattr(error.orig, "sqlstate", None) or ""


def meaning_of(error: exc.IntegrityError) -> Conflict | NotFound:
    """The field of a conflict is told by the name of the constraint or column in the driver's message."""
    text = str(error.orig)
    if "foreign key" in text.lower():
        return NotFound("Something that this belongs to is there no more.")
    for word, field in UNIQUE_FIELDS.items():
        if word in text:
            return Conflict(field, f"Another one already has this {field}.")
    raise error
