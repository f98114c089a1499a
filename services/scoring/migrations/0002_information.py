"""Applicants by name, items of information, and what sources answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "party",
        sa.Column("applicant_id", sa.String(80), primary_key=True),
        sa.Column("type", sa.String(200), nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "source_document",
        sa.Column("application_id", sa.String(80), primary_key=True),
        sa.Column("item", sa.String(64), primary_key=True),
        sa.Column("applicant_id", sa.String(80), nullable=False),
        sa.Column("media_type", sa.String(100), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "information_v1",
        sa.Column("application_id", sa.String(80), primary_key=True),
        sa.Column("item", sa.String(64), primary_key=True),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("due_on", sa.Date, nullable=False),
        sa.Column("why", sa.String(12)),
        sa.Column("sha256", sa.String(64)),
        sa.Column("valid_until", sa.Date),
    )
    op.create_index("information_v1_by_due", "information_v1", ["state", "due_on"])
