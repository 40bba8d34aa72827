"""Presence history: who showed how from when to when, how many were online, and how far the change log was read."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, SmallInteger, String, Table, Text

from chatsrv.storage.schema.metadata import Identity64, metadata

presence_cursors = Table(
    "presence_cursors",
    metadata,
    Column("shard", SmallInteger, primary_key=True, autoincrement=False),
    Column("turn", BigInteger, nullable=False),  # grows with each write: whoever read an older one is late
    Column("epoch", Text, nullable=False),
    Column("log_ms", BigInteger, nullable=False),
    Column("log_count", BigInteger, nullable=False),
    Column("known_at", BigInteger, nullable=False),  # what came before it is all there
)

presence_now = Table(
    "presence_now",
    metadata,
    # no foreign key: of somebody deleted the log has yet to say that they are gone, and they are counted until then
    Column("user_id", Identity64, primary_key=True, autoincrement=False),
    Column("app_id", String(63), nullable=False, index=True),
    Column("since_at", BigInteger, nullable=False),
    Column("status", SmallInteger, nullable=False),  # in truth, as all here
    Column("text", Text),
    Column("emoji", Text),
)

presence_spans = Table(
    "presence_spans",
    metadata,
    Column("id", Identity64, primary_key=True, autoincrement=True),
    Column("app_id", ForeignKey("apps.id", ondelete="CASCADE"), nullable=False),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("from_at", BigInteger, nullable=False),
    Column("to_at", BigInteger, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("text", Text),
    Column("emoji", Text),
    # those of one user do not overlap: in order of their ends they are in that of their beginnings
    Index(None, "user_id", "to_at"),
    Index(None, "app_id", "to_at"),
    sqlite_autoincrement=True,
)

presence_tallies = Table(
    "presence_tallies",
    metadata,
    Column("app_id", ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True),
    Column("online", Integer, nullable=False),  # how many are not offline to others
    Column("moved_at", BigInteger, nullable=False),
    Column("since_at", BigInteger, nullable=False),  # since when history has been kept; 0: it is not
)

presence_counts = Table(
    "presence_counts",
    metadata,
    Column("app_id", ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True),
    Column("width_ms", Integer, primary_key=True, autoincrement=False),  # a minute, an hour or a day
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("opening", Integer, nullable=False),  # how many were online as it began
    Column("peak", Integer, nullable=False),
    Column("peak_at", BigInteger, nullable=False),
    Column("online", Integer, nullable=False),  # after the last change in it
    Column("moved_at", BigInteger, nullable=False),
    Column("online_ms", BigInteger, nullable=False),  # of all together, up to the last change
    Column("users", Integer, nullable=False),  # who was there at any time in it; of days alone
)
