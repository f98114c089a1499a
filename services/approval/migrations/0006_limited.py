"""Who may owe less than others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "limited_borrower",
        sa.Column("applicant_id", sa.Text, primary_key=True),
        sa.Column("measure_id", sa.Text, nullable=False),
        sa.Column("limit_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("limited_on", sa.Date, nullable=False),
    )
