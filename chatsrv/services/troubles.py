"""What to do about a store that is out of reach: for operators, with what its driver says, and never a password."""

from __future__ import annotations

import sqlite3

from chatsrv.domain.errors import Unavailable

URLS = {"database": "DATABASE_URL", "presence store": "REDIS_URL"}

MENDS = {
    "has no room on its disk": "make room on its disk",
    "cannot save its data": "make room on its disk, and look into its log",
    "is read-only": "name the primary in {url}, or make it writable",
    "is out of memory": "give it more memory",
    "has no connection left": "let it take more, or let us keep fewer: see database_pool",
    "is in use by somebody who does not let go": "end what uses its tables for so long (a dump?), and try again",
    "does not let us in": "check user, password and rights in {url}",
    "is not there": "create it, or name another in {url}",
    "has lost its primary": "name the primary in {url}",
    "is damaged": "restore it from a backup, or name another in {url}",
}

SSL_MEND = "check in {url} whether the server speaks TLS"
FILE_MEND = "check the disk, and the rights of the database's file and folder"


def in_full(error: Unavailable) -> str:
    """One line: what is wrong, what the driver says of it, and how to mend it."""
    told, mend = driver_words(error), mend_for(error)
    return f"{error}{f' ({told})' if told else ''}{f' {mend[0].upper()}{mend[1:]}.' if mend else ''}"


def driver_words(error: Unavailable) -> str:
    """A wrong password and a wrong host look alike otherwise; empty where the driver says nothing."""
    cause = error.__cause__
    if isinstance(cause, TimeoutError):
        return str(cause).partition(" (")[0] or "no answer in time"
    return str(getattr(cause, "orig", cause) or "").partition("\n")[0]


def mend_for(error: Unavailable) -> str:
    """Empty where it is no store."""
    url = URLS.get(error.what)
    if url is None:
        return ""
    mend = MENDS.get(error.why)
    if mend is None and isinstance(getattr(error.__cause__, "orig", None), sqlite3.Error):
        mend = FILE_MEND
    if mend is None and any(word in driver_words(error) for word in ("SSL", "TLS")):
        mend = SSL_MEND
    return (mend or "check {url} and that the server runs").format(url=url)
