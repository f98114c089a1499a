"""Negotiated plans, and where each case stands with its own."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "plan",
        sa.Column("plan_id", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("loan_id", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("paid_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("parts", sa.Integer, nullable=False),
        sa.Column("parts_met", sa.Integer, nullable=False),
        sa.Column("next_due", sa.Date),
        sa.Column("last_due", sa.Date, nullable=False),
        sa.Column("agreed_on", sa.Date, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("ended_on", sa.Date),
    )
    op.create_index("plan_case", "plan", ["case_id"])
    op.create_index("plan_open", "plan", ["next_due"], postgresql_where=sa.text("state = 'OPEN'"))
    op.add_column("collection_case", sa.Column("plan", sa.Text, nullable=False, server_default=""))
    op.add_column("collection_case", sa.Column("plan_due", sa.Date))
