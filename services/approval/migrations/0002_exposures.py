"""What is owed and reserved on the lines of limits, and groups of connected borrowers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "exposure",
        sa.Column("application_id", sa.Text, primary_key=True),
        sa.Column("applicant_id", sa.Text, nullable=False),
        sa.Column("loan_id", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("held", sa.Boolean, nullable=False),
        sa.Column("lines", sa.ARRAY(sa.Text), nullable=False),
    )
    op.create_index("exposure_applicant", "exposure", ["applicant_id"])
    op.create_index("exposure_loan", "exposure", ["loan_id"])
    op.create_table(
        "exposure_line",
        sa.Column("line", sa.Text, primary_key=True),
        sa.Column("used_minor", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "group_member",
        sa.Column("applicant_id", sa.Text, primary_key=True),
        sa.Column("group_id", sa.Text, nullable=False),
    )
    op.create_index("group_member_group", "group_member", ["group_id"])
    op.create_table("exposure_policy", sa.Column("sha256", sa.Text, primary_key=True))
