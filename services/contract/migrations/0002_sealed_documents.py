"""Borrowers and documents are kept sealed under the borrower's key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from libs.service.migrations import refuse_plain_personal_data

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    refuse_plain_personal_data(op)
    op.drop_table("party")
    op.create_table(
        "party",
        sa.Column("applicant_id", sa.String(80), primary_key=True),
        sa.Column("type", sa.String(200), nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.add_column("document", sa.Column("applicant_id", sa.String(80), nullable=False))
