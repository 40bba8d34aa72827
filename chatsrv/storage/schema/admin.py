"""The operator's sign-in. Only hashes are kept of links, sessions and what a session opens."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table

from chatsrv.storage.schema.metadata import metadata

admin_links = Table(
    "admin_links",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("expires_at", BigInteger, nullable=False, index=True),
)

admin_sessions = Table(
    "admin_sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    # the server key that opened it, and with which it ends; none: the operator, who sees every app
    Column("key_id", ForeignKey("server_keys.id", ondelete="CASCADE"), index=True),
    Column("expires_at", BigInteger, nullable=False, index=True),
)

# a token for the API of one app, which lives as long as its session does
admin_access = Table(
    "admin_access",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("session_hash", ForeignKey("admin_sessions.token_hash", ondelete="CASCADE"), nullable=False, index=True),
    Column("app_id", ForeignKey("apps.id", ondelete="CASCADE"), nullable=False, index=True),
)
