"""Reading rows of users: what every page of them costs once for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Row

from chatsrv.domain.users import AccountStatus, Clocks, KeptClaims, Onboarding, User
from chatsrv.storage.schema import users

READ = (
    *("id", "app_id", "uuid", "username", "username_key", "first_name", "first_name_key", "last_name"),
    *("last_name_key", "name", "email", "email_key", "external_id", "avatar", "role", "role_key", "status"),
    *("metadata", "language", "timezone", "created_at", "updated_at", "last_login_at", "last_active_at"),
    *("last_seen_at", "presence_changed_at", "others_login_at", "others_active_at", "others_seen_at"),
    *("others_changed_at", "claims", "claims_at", "tokens_since", "name_key", "external_id_key", "onboarding"),
    *("discarded_at", "freed_email_key", "freed_external_id"),
)
"""The columns in the order in which `to_user` takes them: asked by name, a row of SQLAlchemy costs several times as
much."""

if tuple(users.c.keys()) != READ:
    raise AssertionError("to_user reads the columns of users in another order than they stand in the schema")

STATUSES = {status.value: status for status in AccountStatus}
ONBOARDINGS = {onboarding.value: onboarding for onboarding in Onboarding}
NO_CLOCKS, NO_CLAIMS = Clocks(), KeptClaims()


def to_user(row: Row[Any]) -> User:
    """Of a row that begins with all columns of `users`; others may follow."""
    values: Sequence[Any] = row
    # fmt: off
    (
        id_, app_id, uuid, username, _, first_name, _, last_name,
        _, name, email, _, external_id, avatar, role, _, status,
        metadata, language, timezone, created_at, updated_at, login_at, active_at,
        seen_at, changed_at, others_login_at, others_active_at, others_seen_at,
        others_changed_at, claims, claims_at, tokens_since, _, _, onboarding,
        discarded_at, _, freed_external_id, *_,
    ) = values
    # fmt: on
    return User(
        id_,
        app_id,
        uuid,
        username,
        first_name,
        last_name,
        name,
        email,
        external_id or freed_external_id,
        avatar,
        role,
        STATUSES[status],
        msgspec.json.decode(metadata) if metadata is not None else None,
        language,
        timezone,
        created_at,
        updated_at,
        _clocks(login_at, active_at, seen_at, changed_at),
        _clocks(others_login_at, others_active_at, others_seen_at, others_changed_at),
        KeptClaims(claims or "", claims_at) if claims or claims_at else NO_CLAIMS,
        tokens_since,
        ONBOARDINGS[onboarding],
        discarded_at,
    )


def _clocks(login_at: int, active_at: int, seen_at: int, changed_at: int) -> Clocks:
    if login_at or active_at or seen_at or changed_at:
        return Clocks(login_at, active_at, seen_at, changed_at)
    return NO_CLOCKS
