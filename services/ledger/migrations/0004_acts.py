"""Acts that were asked for, until another person agrees."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "act_v1",
        sa.Column("act_id", sa.String(80), primary_key=True),
        sa.Column("act", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("loan_id", sa.String(80), nullable=False),
        sa.Column("repayment_id", sa.String(80), nullable=False),
        sa.Column("suspense_id", sa.String(80), nullable=False),
        sa.Column("period", sa.String(7), nullable=False),
        sa.Column("asked", JSONB, nullable=False),
        sa.Column("amount_minor", sa.BigInteger),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("agreed_by", JSONB, nullable=False),
        sa.Column("open_until", sa.Date, nullable=False),
        sa.Column("requested_by", sa.String(80), nullable=False),
        sa.Column("requested_on", sa.Date, nullable=False),
        sa.Column("ended_by", sa.String(80)),
        sa.Column("ended_on", sa.Date),
        sa.Column("reason", sa.String(500), nullable=False),
    )
    op.create_index("act_v1_by_state", "act_v1", ["state", "requested_on", "act_id"])
    op.create_index("act_v1_by_loan", "act_v1", ["loan_id", "requested_on", "act_id"])
