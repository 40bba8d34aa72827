"""The audit trail."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, String, Table, Text

from chatsrv.storage.schema.metadata import Folded, Identity64, metadata

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("id", Identity64, primary_key=True, autoincrement=True),
    Column("app_id", String(63), nullable=False),  # no foreign key: what was done is known when the app has gone
    Column("created_at", BigInteger, nullable=False, index=True),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("subject_key", Folded, nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("actor_name", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("detail", Text, nullable=False),  # JSON object
    Index(None, "app_id", "id"),
    Index(None, "app_id", "subject_key", "id"),
    sqlite_autoincrement=True,
)
