"""The sign-in log: when somebody came who was not there before."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SignIn:
    """`created_at` in milliseconds."""

    id: int
    user_id: int
    created_at: int


@dataclass(frozen=True, slots=True)
class NewSignIn:
    """`was_hidden`: the user was invisible then, and nobody else ever hears of it."""

    user_id: int
    created_at: int
    was_hidden: bool = False
