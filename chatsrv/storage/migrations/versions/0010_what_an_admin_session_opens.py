"""what an operator's session opens: a token for the API of each app"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "admin_access",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("session_hash", sa.String(length=64), nullable=False),
        sa.Column("app_id", sa.String(length=63), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_hash"],
            ["admin_sessions.token_hash"],
            name=op.f("fk_admin_access_session_hash"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_admin_access_app_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_admin_access")),
    )
    op.create_index(op.f("ix_admin_access_session_hash"), "admin_access", ["session_hash"])
    op.create_index(op.f("ix_admin_access_app_id"), "admin_access", ["app_id"])


def downgrade() -> None:
    op.drop_table("admin_access")
