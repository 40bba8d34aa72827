"""The dashboard: how one comes to it, and what it shows."""

from __future__ import annotations

from dataclasses import dataclass

SIGN_IN = "/signin"
"""The path of a one-time link. Its token stands behind a #, which no browser sends anywhere."""


def link_to(url: str, token: str) -> str:
    """A one-time link to the dashboard of the server at this URL."""
    return f"{url.rstrip('/')}{SIGN_IN}#{token}"


@dataclass(frozen=True, slots=True)
class AppSummary:
    """An app in a few words. `online`: users who are not offline now, None where nobody can tell. `keys`: live ones."""

    id: str
    name: str
    users: int
    keys: int
    online: int | None = None
