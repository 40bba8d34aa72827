"""The dashboard: who is signed in to it, and what it shows."""

from __future__ import annotations

from dataclasses import dataclass

from chatsrv.domain.apps import ServerKey

SIGN_IN = "/signin"
"""The path of a one-time link. Its token stands behind a #, which no browser sends anywhere."""


def link_to(url: str, token: str) -> str:
    """A one-time link to the dashboard of the server at this URL."""
    return f"{url.rstrip('/')}{SIGN_IN}#{token}"


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody who is signed in until `expires_at` (ms): by a link that the command line made, or by a server key with
    the scope admin, which sees its own app alone and with which the session ends."""

    expires_at: int
    key: ServerKey | None = None

    @property
    def app_id(self) -> str | None:
        """The one app that they see; None: all."""
        return self.key.app_id if self.key else None


@dataclass(frozen=True, slots=True)
class AppSummary:
    """An app in a few words. `online`: users who are not offline now, None where nobody can tell. `keys`: live ones."""

    id: str
    name: str
    users: int
    keys: int
    online: int | None = None
