"""Webhooks: who is told, what happened in which order, and which of it has arrived where."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from chatsrv.storage.schema.metadata import Identity64, metadata

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Identity64, primary_key=True, autoincrement=True),
    Column("app_id", ForeignKey("apps.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("url", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("events", Text, nullable=False),  # separated by spaces; empty: all
    Column("active", Boolean, nullable=False),
    Column("secret", Text, nullable=False),
    Column("old_secret", Text),
    Column("old_secret_ends_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("disabled_reason", Text),
    Column("last_delivery_at", BigInteger, nullable=False),
    Column("failing_since", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("paused_until", BigInteger, nullable=False),
    # which process sends to it: it alone does, until its lease ends
    Column("leased_by", String(32), nullable=False),
    Column("leased_until", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

event_sequences = Table(
    "event_sequences",
    metadata,
    Column("app_id", ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True),
    Column("last", BigInteger, nullable=False),
)

webhook_events = Table(
    "webhook_events",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("app_id", ForeignKey("apps.id", ondelete="CASCADE"), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("type", String(32), nullable=False),
    Column("created_at", BigInteger, nullable=False, index=True),
    Column("body", Text, nullable=False),  # JSON, as it is sent
    UniqueConstraint("app_id", "seq"),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Identity64, primary_key=True, autoincrement=True),
    Column("webhook_id", ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    Column("event_id", ForeignKey("webhook_events.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("seq", BigInteger, nullable=False),
    Column("status", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("last_status", Integer),
    Column("last_error", Text),
    Column("next_attempt_at", BigInteger),  # null: none will be made
    Column("give_up_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("delivered_at", BigInteger, nullable=False),
    Index(None, "webhook_id", "next_attempt_at"),
    # what is open, in the order in which it is sent
    Index(
        None,
        "webhook_id",
        "seq",
        "next_attempt_at",
        sqlite_where=text("next_attempt_at IS NOT NULL"),
        postgresql_where=text("next_attempt_at IS NOT NULL"),
    ),
    Index(None, "webhook_id", "id"),
    Index(None, "webhook_id", "status", "id"),
    sqlite_autoincrement=True,
)
