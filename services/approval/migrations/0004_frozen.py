"""To whom nothing new is lent by rule."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "frozen_borrower",
        sa.Column("applicant_id", sa.Text, primary_key=True),
        sa.Column("measure_id", sa.Text, nullable=False),
        sa.Column("frozen_on", sa.Date, nullable=False),
    )
