"""Costs that lenders bear."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("movement", "loan_share_v1", "shared_loan_v1", "funder_movement_v1"):
        op.add_column(table, sa.Column("cost_minor", sa.BigInteger, nullable=False, server_default="0"))
        op.alter_column(table, "cost_minor", server_default=None)
