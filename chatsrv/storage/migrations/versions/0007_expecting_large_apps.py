"""SQLite is told that apps are large"""

from __future__ import annotations

from alembic import op

from chatsrv.storage.migrations.expectations import expect_large_apps

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    expect_large_apps(op.get_bind())


def downgrade() -> None:
    """What it expects does no harm."""
