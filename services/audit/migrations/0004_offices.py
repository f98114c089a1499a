"""Who has acted in a role, found without a look at all that was done in it."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("trail_role", "trail", ["role", "actor", "event_id"])
