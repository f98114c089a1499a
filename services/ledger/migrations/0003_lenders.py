"""Who lends a loan with us, and what each holds of it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lenders_v1",
        sa.Column("loan_id", sa.String(80), primary_key=True),
        sa.Column("shares", JSONB, nullable=False),
    )
    op.create_table(
        "shares_changed",
        sa.Column("loan_id", sa.String(80), primary_key=True),
        sa.Column("effective_from", sa.Date, primary_key=True),
        sa.Column("shares", JSONB, nullable=False),
    )
