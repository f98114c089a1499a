"""What became of the loans that applications led to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "loan_outcome",
        sa.Column("loan_id", sa.String(80), primary_key=True),
        sa.Column("application_id", sa.String(80), nullable=False),
        sa.Column("disbursed_on", sa.Date, nullable=False),
        sa.Column("defaulted_on", sa.Date),
    )
    op.create_index("loan_outcome_by_date", "loan_outcome", ["disbursed_on"])
