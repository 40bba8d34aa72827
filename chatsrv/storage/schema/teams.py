"""Teams, and who is in them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table, Text, UniqueConstraint

from chatsrv.storage.schema.metadata import Folded, Identity64, metadata

teams = Table(
    "teams",
    metadata,
    Column("id", Identity64, primary_key=True, autoincrement=True),
    Column("app_id", ForeignKey("apps.id", ondelete="CASCADE"), nullable=False),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("name_key", Folded, nullable=False),
    Column("parent_id", ForeignKey("teams.id", ondelete="SET NULL"), index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("app_id", "name_key"),
    Index(None, "app_id", "id"),
    sqlite_autoincrement=True,
)

team_memberships = Table(
    "team_memberships",
    metadata,
    Column("id", Identity64, primary_key=True, autoincrement=True),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("team_id", ForeignKey("teams.id", ondelete="CASCADE"), nullable=False),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("roles", Text, nullable=False),  # words separated by spaces
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("team_id", "user_id"),
    sqlite_autoincrement=True,
)
