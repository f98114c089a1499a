"""What challengers say in the champion's shadow."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "challenged_v1",
        sa.Column("application_id", sa.String(80), primary_key=True),
        sa.Column("card", sa.String(80), primary_key=True),
        sa.Column("scored_on", sa.Date, nullable=False),
        sa.Column("grade", sa.String(2)),
        sa.Column("champion_grade", sa.String(2), nullable=False),
    )
    op.create_index("challenged_v1_by_card", "challenged_v1", ["card", "scored_on"])
