"""Identities: people who sign in with a password, in however many apps they are users."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table, Text

from chatsrv.storage.schema.metadata import Folded, Identity64, metadata

identities = Table(
    "identities",
    metadata,
    Column("id", Identity64, primary_key=True, autoincrement=True),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("email", Text, nullable=False),
    Column("email_key", Folded, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("last_app_id", ForeignKey("apps.id", ondelete="SET NULL"), index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

identity_users = Table(
    "identity_users",
    metadata,
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("identity_id", ForeignKey("identities.id", ondelete="CASCADE"), nullable=False, index=True),
)

bearers = Table(
    "bearers",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("identity_id", ForeignKey("identities.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
)

invitations = Table(
    "invitations",
    metadata,
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
)
