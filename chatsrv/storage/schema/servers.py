"""Servers that users own."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table, Text, UniqueConstraint

from chatsrv.storage.schema.metadata import Identity64, metadata

servers = Table(
    "servers",
    metadata,
    Column("id", Identity64, primary_key=True, autoincrement=True),
    Column("app_id", ForeignKey("apps.id", ondelete="CASCADE"), nullable=False),
    Column("uuid", String(36), nullable=False),
    Column("name", Text, nullable=False),
    # no deletion of users reaches their servers: it is refused
    Column("owner_id", ForeignKey("users.id"), nullable=False, index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("app_id", "uuid"),
    Index(None, "app_id", "id"),
    sqlite_autoincrement=True,
)
