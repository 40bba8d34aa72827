"""The service desk: who supports whom, and what its people note, star, draft and set for themselves."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Table, Text, UniqueConstraint

from chatsrv.storage.schema.metadata import Identity64, metadata


def _id() -> Column[int]:
    return Column("id", Identity64, primary_key=True, autoincrement=True)


def _app() -> Column[str]:
    return Column("app_id", ForeignKey("apps.id", ondelete="CASCADE"), nullable=False, index=True)


def _of_user(name: str = "user_id") -> Column[int]:
    """A row that goes when the user goes."""
    return Column(name, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True)


supports = Table(
    "supports",
    metadata,
    _id(),
    _app(),
    Column("channel_id", ForeignKey("channels.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("agent_id", ForeignKey("users.id", ondelete="SET NULL"), index=True),
    _of_user("customer_id"),
    Column("created_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

starred_channels = Table(
    "starred_channels",
    metadata,
    _id(),
    _of_user(),
    Column("channel_id", ForeignKey("channels.id", ondelete="CASCADE"), nullable=False, index=True),
    UniqueConstraint("user_id", "channel_id"),
    sqlite_autoincrement=True,
)

starred_customers = Table(
    "starred_customers",
    metadata,
    _id(),
    _of_user(),
    _of_user("customer_id"),
    UniqueConstraint("user_id", "customer_id"),
    sqlite_autoincrement=True,
)

memos = Table(
    "memos",
    metadata,
    _id(),
    _app(),
    _of_user(),
    Column("author_id", ForeignKey("users.id", ondelete="SET NULL"), index=True),
    Column("text", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

draft_messages = Table(
    "draft_messages",
    metadata,
    _id(),
    _app(),
    _of_user(),
    Column("channel_id", ForeignKey("channels.id", ondelete="CASCADE"), index=True),
    Column("support_id", ForeignKey("supports.id", ondelete="CASCADE"), index=True),
    Column("text", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("user_id", "channel_id"),
    UniqueConstraint("user_id", "support_id"),
    sqlite_autoincrement=True,
)

user_infos = Table(
    "user_infos",
    metadata,
    _id(),
    _app(),
    _of_user(),
    Column("name", Text, nullable=False),
    Column("value", Text, nullable=False),
    UniqueConstraint("user_id", "name"),
    sqlite_autoincrement=True,
)

user_widget_settings = Table(
    "user_widget_settings",
    metadata,
    _id(),
    _app(),
    _of_user(),
    Column("name", Text, nullable=False),
    Column("value", Text, nullable=False),  # JSON
    UniqueConstraint("user_id", "name"),
    sqlite_autoincrement=True,
)
