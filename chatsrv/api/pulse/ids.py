"""Ids on the wire: UUIDs, also of what has none of its own here."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from chatsrv.domain.errors import NotFound
from chatsrv.domain.fields import Refused, read_uuid
from chatsrv.domain.users import fold_case

NAMESPACE = UUID("6a0f6f0e-2c4b-5d57-9d8e-0f3b1c7f4a21")


def account_id(app_id: str) -> str:
    """An account is an app; the same app always has the same one."""
    return str(uuid5(NAMESPACE, f"account {app_id}"))


def role_id(app_id: str, word: str) -> str:
    """A role is a word that people of one app have."""
    return str(uuid5(NAMESPACE, f"role {app_id} {fold_case(word)}"))


def read_id(text: Any) -> UUID:
    """What stands in a path. Raises NotFound where it is no UUID, for then it is nobody's id."""
    try:
        return read_uuid(text)
    except Refused as refusal:
        raise NotFound(f"There is no id {str(text)[:40]!r} here.") from refusal
