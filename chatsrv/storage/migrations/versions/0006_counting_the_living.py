"""an index by which the living are counted"""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_users_app_id_discarded_at_id"), "users", ["app_id", "discarded_at", "id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_users_app_id_discarded_at_id"), "users")
