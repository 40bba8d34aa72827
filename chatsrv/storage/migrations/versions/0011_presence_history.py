"""presence history"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from chatsrv.storage.migrations.expectations import expect_large_apps

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "presence_cursors",
        sa.Column("shard", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("log_ms", sa.BigInteger(), nullable=False),
        sa.Column("log_count", sa.BigInteger(), nullable=False),
        sa.Column("known_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("shard", name=op.f("pk_presence_cursors")),
    )
    op.create_table(
        "presence_now",
        sa.Column("user_id", ID, autoincrement=False, nullable=False),
        sa.Column("app_id", sa.String(length=63), nullable=False),
        sa.Column("since_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("emoji", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_presence_now")),
    )
    op.create_index(op.f("ix_presence_now_app_id"), "presence_now", ["app_id"])
    op.create_table(
        "presence_spans",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("app_id", sa.String(length=63), nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("from_at", sa.BigInteger(), nullable=False),
        sa.Column("to_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("emoji", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_presence_spans_app_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_presence_spans_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_presence_spans")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_presence_spans_user_id_to_at"), "presence_spans", ["user_id", "to_at"])
    op.create_index(op.f("ix_presence_spans_app_id_to_at"), "presence_spans", ["app_id", "to_at"])
    op.create_table(
        "presence_tallies",
        sa.Column("app_id", sa.String(length=63), nullable=False),
        sa.Column("online", sa.Integer(), nullable=False),
        sa.Column("moved_at", sa.BigInteger(), nullable=False),
        sa.Column("since_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_presence_tallies_app_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("app_id", name=op.f("pk_presence_tallies")),
    )
    op.create_table(
        "presence_counts",
        sa.Column("app_id", sa.String(length=63), nullable=False),
        sa.Column("width_ms", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("opening", sa.Integer(), nullable=False),
        sa.Column("peak", sa.Integer(), nullable=False),
        sa.Column("peak_at", sa.BigInteger(), nullable=False),
        sa.Column("online", sa.Integer(), nullable=False),
        sa.Column("moved_at", sa.BigInteger(), nullable=False),
        sa.Column("online_ms", sa.BigInteger(), nullable=False),
        sa.Column("users", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_presence_counts_app_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("app_id", "width_ms", "at", name=op.f("pk_presence_counts")),
    )
    expect_large_apps(op.get_bind())


def downgrade() -> None:
    op.drop_table("presence_counts")
    op.drop_table("presence_tallies")
    op.drop_table("presence_spans")
    op.drop_table("presence_now")
    op.drop_table("presence_cursors")
