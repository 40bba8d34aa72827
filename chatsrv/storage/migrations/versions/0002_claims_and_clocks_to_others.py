"""claims, clocks as others see them, and revoked tokens"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COPIES = {
    "others_login_at": "last_login_at",
    "others_active_at": "last_active_at",
    "others_seen_at": "last_seen_at",
    "others_changed_at": "presence_changed_at",
}
NUMBERS = (*COPIES, "claims_at", "tokens_since")


def upgrade() -> None:
    for name in NUMBERS:
        op.add_column("users", sa.Column(name, sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("users", sa.Column("claims", sa.Text(), nullable=True))
    # until now nobody could hide
    users = sa.table("users", *(sa.column(name) for pair in COPIES.items() for name in pair))
    op.execute(users.update().values({copy: users.c[name] for copy, name in COPIES.items()}))
    op.create_index(op.f("ix_users_app_id_others_login_at_id"), "users", ["app_id", "others_login_at", "id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_users_app_id_others_login_at_id"), "users")
    for name in ("claims", *NUMBERS):
        op.drop_column("users", name)
