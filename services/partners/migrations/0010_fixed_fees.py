"""Fixed fees: for loans on their payouts' lines, and of whole settlements."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("movement", "settlement_v1"):
        op.add_column(table, sa.Column("fixed_fee_minor", sa.BigInteger, nullable=False, server_default="0"))
        op.alter_column(table, "fixed_fee_minor", server_default=None)
