"""Interest that changes hands with a part of a loan."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("movement", "loan_share_v1", "funder_movement_v1"):
        column = sa.Column("transferred_interest_minor", sa.BigInteger, nullable=False, server_default="0")
        op.add_column(table, column)
        op.alter_column(table, "transferred_interest_minor", server_default=None)
