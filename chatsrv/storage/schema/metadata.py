"""What all tables share: how constraints are named, and two types of columns."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, MetaData, Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite counts only INTEGER PRIMARY KEY by itself; PostgreSQL wants 64 bits
Identity64 = BigInteger().with_variant(Integer, "sqlite")

# Both databases order and compare these by bytes, so that pages and cursors are the same on both
Folded = Text().with_variant(Text(collation="C"), "postgresql")
