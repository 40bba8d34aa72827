"""the audit trail"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from chatsrv.storage.migrations.expectations import expect_large_apps

Identity64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Folded = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("id", Identity64, autoincrement=True, nullable=False),
        sa.Column("app_id", sa.String(length=63), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("subject_key", Folded, nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=False),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_audit_entries_created_at"), "audit_entries", ["created_at"])
    op.create_index(op.f("ix_audit_entries_app_id_id"), "audit_entries", ["app_id", "id"])
    op.create_index(op.f("ix_audit_entries_app_id_subject_key_id"), "audit_entries", ["app_id", "subject_key", "id"])
    expect_large_apps(op.get_bind())


def downgrade() -> None:
    op.drop_table("audit_entries")
