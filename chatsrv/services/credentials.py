"""Secrets that we hand out: random, shown once, and kept as a hash by which they are found again."""

from __future__ import annotations

import hashlib
import secrets

SECRET_BYTES = 32


def new_secret(prefix: str = "") -> str:
    return prefix + secrets.token_urlsafe(SECRET_BYTES)


def hash_secret(text: str) -> str:
    """A plain digest will do: nobody guesses what was drawn at random."""
    # what cannot be encoded is no secret of ours
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
