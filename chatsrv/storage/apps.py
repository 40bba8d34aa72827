"""Apps and their server keys in SQL. A function is a verb on one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chatsrv.domain.apps import App, OldSecret, PublicKey, Scope, ServerKey
from chatsrv.storage.schema import apps, server_keys, users
from chatsrv.storage.touched import touch


async def add_app(tx: AsyncConnection, app: App) -> None:
    """Raises Conflict, at the transaction's edge, where the id is taken."""
    await tx.execute(insert(apps).values(id=app.id, created_at=app.created_at, **_changeable(app)))


async def get_app(tx: AsyncConnection, app_id: str) -> App | None:
    row = (await tx.execute(select(apps).where(apps.c.id == app_id))).one_or_none()
    return _app(row) if row else None


async def find_apps(tx: AsyncConnection, app_ids: Iterable[str]) -> list[App]:
    """Those of them that exist."""
    return [_app(row) for row in await tx.execute(select(apps).where(apps.c.id.in_(list(app_ids))))]


async def get_app_for_update(tx: AsyncConnection, app_id: str) -> App | None:
    """The row stays ours until the transaction ends (SQLite's writer has the whole file anyway)."""
    row = (await tx.execute(select(apps).where(apps.c.id == app_id).with_for_update())).one_or_none()
    return _app(row) if row else None


async def list_apps(tx: AsyncConnection) -> list[tuple[App, int]]:
    """Every app with the number of its users, by id."""
    count = select(func.count()).where(users.c.app_id == apps.c.id).scalar_subquery()
    rows = await tx.execute(select(apps, count.label("users_count")).order_by(apps.c.id))
    return [(_app(row), row.users_count) for row in rows]


async def list_ids(tx: AsyncConnection) -> list[str]:
    return list((await tx.execute(select(apps.c.id).order_by(apps.c.id))).scalars())


async def is_only_one(tx: AsyncConnection, app_id: str) -> bool:
    """Whether there is no app beside it."""
    return (await tx.execute(select(apps.c.id).where(apps.c.id != app_id).limit(1))).first() is None


async def list_changed(tx: AsyncConnection) -> list[App]:
    """Every app with a setting of its own."""
    return [_app(row) for row in await tx.execute(select(apps).where(apps.c.settings != "{}"))]


async def update_app(tx: AsyncConnection, app: App) -> None:
    await tx.execute(update(apps).where(apps.c.id == app.id).values(**_changeable(app)))
    touch(tx, app.id)


async def delete_app(tx: AsyncConnection, app_id: str) -> bool:
    """Takes its keys and users along; says whether there was such an app."""
    touch(tx, app_id)
    return bool((await tx.execute(delete(apps).where(apps.c.id == app_id))).rowcount)


async def add_key(tx: AsyncConnection, key: ServerKey) -> None:
    await tx.execute(
        insert(server_keys).values(
            id=key.id,
            app_id=key.app_id,
            name=key.name,
            secret_hash=key.secret_hash,
            scopes=" ".join(sorted(key.scopes)),
            networks=" ".join(key.networks),
            created_at=key.created_at,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
        )
    )


async def get_key(tx: AsyncConnection, key_id: str) -> ServerKey | None:
    row = (await tx.execute(select(server_keys).where(server_keys.c.id == key_id))).one_or_none()
    return to_key(row) if row else None


async def find_keys(tx: AsyncConnection, key_ids: Iterable[str]) -> list[ServerKey]:
    """Those of them that exist."""
    return [to_key(row) for row in await tx.execute(select(server_keys).where(server_keys.c.id.in_(list(key_ids))))]


async def get_key_for_update(tx: AsyncConnection, key_id: str) -> ServerKey | None:
    """Nobody revokes it until the transaction ends."""
    row = (await tx.execute(select(server_keys).where(server_keys.c.id == key_id).with_for_update())).one_or_none()
    return to_key(row) if row else None


async def list_keys(tx: AsyncConnection, app_id: str) -> list[ServerKey]:
    statement = select(server_keys).where(server_keys.c.app_id == app_id).order_by(server_keys.c.created_at)
    return [to_key(row) for row in await tx.execute(statement)]


async def revoke_key(tx: AsyncConnection, app_id: str, key_id: str, now: int) -> bool:
    """Says whether there was such a key that had not been revoked before."""
    statement = update(server_keys).where(
        server_keys.c.app_id == app_id, server_keys.c.id == key_id, server_keys.c.revoked_at.is_(None)
    )
    touch(tx, app_id)
    return bool((await tx.execute(statement.values(revoked_at=now))).rowcount)


def _changeable(app: App) -> Mapping[str, Any]:
    return {
        "name": app.name,
        "jwt_secret": app.jwt_secret,
        "public_keys": msgspec.json.encode(app.public_keys).decode(),
        "settings": msgspec.json.encode(app.settings).decode(),
        "old_secrets": msgspec.json.encode(app.old_secrets).decode(),
    }


def _app(row: Row[Any]) -> App:
    return App(
        id=row.id,
        name=row.name,
        jwt_secret=row.jwt_secret,
        created_at=row.created_at,
        public_keys=msgspec.json.decode(row.public_keys, type=tuple[PublicKey, ...]),
        settings=msgspec.json.decode(row.settings, type=dict[str, bool | int | float | tuple[str, ...]]),
        old_secrets=msgspec.json.decode(row.old_secrets or "[]", type=tuple[OldSecret, ...]),
    )


def to_key(row: Row[Any]) -> ServerKey:
    return ServerKey(
        id=row.id,
        app_id=row.app_id,
        name=row.name,
        secret_hash=row.secret_hash,
        scopes=frozenset(Scope(name) for name in row.scopes.split()),
        networks=tuple(row.networks.split()),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
