"""Users and servers as the panel shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chatsrv.domain.instants import to_text
from chatsrv.domain.servers import Server
from chatsrv.domain.users import User

DEFAULT_LANGUAGE = "en"

Relationships = Mapping[str, Any]


def render_user(user: User, relationships: Relationships | None = None) -> dict[str, Any]:
    """Nothing of it is null but the external id, whichever dialect made the user."""
    attributes: dict[str, Any] = {
        "id": user.id,
        "external_id": user.external_id,
        "uuid": user.uuid,
        "username": user.username,
        "email": user.email or "",
        "first_name": user.first_name or "",
        "last_name": user.last_name or "",
        "language": user.language or DEFAULT_LANGUAGE,
        "root_admin": user.is_admin,
        "2fa": False,
        "created_at": _seconds(user.created_at),
        "updated_at": _seconds(user.updated_at),
    }
    if relationships is not None:
        attributes["relationships"] = relationships
    return {"object": "user", "attributes": attributes}


def render_server(server: Server) -> dict[str, Any]:
    return {
        "object": "server",
        "attributes": {
            "id": server.id,
            "uuid": server.uuid,
            "name": server.name,
            "user": server.owner_id,
            "created_at": _seconds(server.created_at),
            "updated_at": _seconds(server.updated_at),
        },
    }


def render_owned(servers: Sequence[Server]) -> Relationships:
    return {"servers": {"object": "list", "data": [render_server(server) for server in servers]}}


WITHHELD: Relationships = {"servers": {"object": "null_resource", "attributes": None}}
"""What a key without the scope to read servers gets in their place."""


def _seconds(at_ms: int) -> str:
    """`2022-09-15T17:33:34+00:00`."""
    return to_text(at_ms)[: len("2022-09-15T17:33:34")] + "+00:00"
