"""Where the data of persons stand, and violations of controls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "person_page",
        sa.Column("applicant_id", sa.Text, primary_key=True),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("holds", sa.BigInteger, nullable=False),
        sa.Column("until", sa.Date),
        sa.Column("restricted_on", sa.Date),
        sa.Column("erased_on", sa.Date),
    )
    op.create_index("person_page_status", "person_page", ["status", "until"])
    names = ("status", "control", "severity", "person", "subject", "assigned_to")
    op.create_table(
        "violation_page",
        sa.Column("violation_id", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in names),
        *(sa.Column(name, sa.Date) for name in ("found_on", "due", "closed_on")),
    )
    op.create_index("violation_page_status", "violation_page", ["status", "violation_id"])
