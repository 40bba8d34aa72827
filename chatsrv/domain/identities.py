"""Identities: people who sign in with an email and a password, in however many apps they are users."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any

from chatsrv.domain.errors import Invalid, Problem
from chatsrv.domain.users import User

PASSWORD_MAX = 1024


@dataclass(frozen=True, slots=True)
class Account:
    """An app in which a person has an active user."""

    app_id: str
    app_name: str
    user: User


@dataclass(frozen=True, slots=True)
class Identity:
    """One email is one identity. `last_app_id` is the app in which they work; `accounts` in order of the user's id."""

    id: int
    uuid: str
    email: str
    last_app_id: str | None
    created_at: int
    updated_at: int
    accounts: tuple[Account, ...]


@dataclass(frozen=True, slots=True)
class SignedIn:
    """`token` is shown this once and good until `expires_at` (ms)."""

    token: str
    expires_at: int
    identity: Identity


def check_password(password: Any, min_chars: int = 1) -> str:
    """The password as it is hashed. Raises Invalid."""
    text = read_password(password)
    if text is None:
        raise _refused("must be a string that can be written as UTF-8")
    if len(text) < min_chars:
        raise _refused(f"must have at least {min_chars} characters" if min_chars > 1 else "must not be empty")
    if len(text) > PASSWORD_MAX:
        raise _refused(f"must have at most {PASSWORD_MAX} characters")
    return text


def read_password(password: Any) -> str | None:
    """What a person typed, however their keyboard composes it; None is nobody's password."""
    if not isinstance(password, str) or any("\ud800" <= char <= "\udfff" for char in password):
        return None
    return unicodedata.normalize("NFC", password)


def _refused(message: str) -> Invalid:
    return Invalid(Problem("password", message))
