"""Channels and who is a member of them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, SmallInteger, Table, Text, UniqueConstraint

from chatsrv.storage.schema.metadata import Identity64, metadata

channels = Table(
    "channels",
    metadata,
    Column("id", Identity64, primary_key=True, autoincrement=True),
    Column("app_id", ForeignKey("apps.id", ondelete="CASCADE"), nullable=False),
    Column("uri", Text),
    Column("subject", Text),
    Column("label", Text),
    Column("metadata", Text),
    Column("avatar", Text),
    Column("type", SmallInteger, nullable=False),
    Column("owner_id", ForeignKey("users.id", ondelete="SET NULL"), index=True),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("app_id", "uri"),
    Index(None, "app_id", "id"),
    sqlite_autoincrement=True,  # the id of a deleted channel is never given again
)

channel_members = Table(
    "channel_members",
    metadata,
    Column("id", Identity64, primary_key=True, autoincrement=True),
    Column("channel_id", ForeignKey("channels.id", ondelete="CASCADE"), nullable=False),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("role", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_read_at", BigInteger, nullable=False, server_default="0"),
    Column("unread_message_count", Integer, nullable=False, server_default="0"),
    UniqueConstraint("channel_id", "user_id"),
    sqlite_autoincrement=True,
)
