"""Loans that run, on which consent their borrowers are asked about anew, and what came of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "refresh_loan",
        sa.Column("loan_id", sa.String(80), primary_key=True),
        sa.Column("application_id", sa.String(80), nullable=False),
        sa.Column("applicant_id", sa.String(80), nullable=False),
        sa.Column("next_on", sa.Date),
    )
    op.create_index("refresh_loan_by_date", "refresh_loan", ["next_on"])
    op.create_index("refresh_loan_by_applicant", "refresh_loan", ["applicant_id"])
    op.create_table(
        "refresh_consent",
        sa.Column("application_id", sa.String(80), primary_key=True),
        sa.Column("text_version", sa.String(500), nullable=False),
        sa.Column("given_on", sa.Date, nullable=False),
    )
    op.create_table("refresh_watched", sa.Column("applicant_id", sa.String(80), primary_key=True))
    op.create_table(
        "refresh_v1",
        sa.Column("refresh_id", sa.String(80), primary_key=True),
        sa.Column("item", sa.String(64), primary_key=True),
        sa.Column("applicant_id", sa.String(80), nullable=False),
        sa.Column("loan_id", sa.String(80), nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("why", sa.String(12)),
        sa.Column("sha256", sa.String(64)),
        sa.Column("changes", sa.Integer, nullable=False),
        sa.Column("requested_on", sa.Date, nullable=False),
    )
    op.create_index("refresh_v1_by_date", "refresh_v1", ["requested_on", "refresh_id", "item"])
    op.create_index("refresh_v1_by_applicant", "refresh_v1", ["applicant_id"])
