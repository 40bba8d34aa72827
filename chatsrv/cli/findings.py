"""What a check of the doctor finds."""

from __future__ import annotations

from typing import TypedDict


class Finding(TypedDict):
    """`state` is ok, note or fail; `mend` says what to do, and is empty where all is well."""

    check: str
    state: str
    found: str
    mend: str


def ok(check: str, found: str) -> Finding:
    return {"check": check, "state": "ok", "found": found, "mend": ""}


def note(check: str, found: str, mend: str) -> Finding:
    """It works, but an operator wants to know."""
    return {"check": check, "state": "note", "found": found, "mend": mend}


def fail(check: str, found: str, mend: str) -> Finding:
    return {"check": check, "state": "fail", "found": found, "mend": mend}
