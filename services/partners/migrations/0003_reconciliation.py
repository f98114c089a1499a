"""Movements of each lender, what should be on the bank's statement, where shared loans stand, files and breaks."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ACCOUNTS = ("disbursed", "principal", "interest", "fee", "penalty", "waived", "written_off", "recovered", "transferred")


def upgrade() -> None:
    op.create_table(
        "funder_movement_v1",
        sa.Column("movement_id", sa.String(80), primary_key=True),
        sa.Column("funder", sa.String(64), primary_key=True),
        sa.Column("reference", sa.String(36), nullable=False),
        sa.Column("loan_id", sa.String(80), nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("effective_on", sa.Date, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("cash_minor", sa.BigInteger, nullable=False),
        *(sa.Column(f"{name}_minor", sa.BigInteger, nullable=False) for name in ACCOUNTS),
    )
    op.create_index("funder_movement_v1_by_date", "funder_movement_v1", ["funder", "effective_on", "position"])
    op.create_index("funder_movement_v1_by_position", "funder_movement_v1", ["funder", "position", "movement_id"])
    op.create_index("funder_movement_v1_by_loan", "funder_movement_v1", ["loan_id", "funder"])
    op.create_table(
        "reconciled_file_v1",
        sa.Column("counterparty", sa.String(80), primary_key=True),
        sa.Column("file_date", sa.Date, primary_key=True),
        sa.Column("sha256", sa.String(64), nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("ours", "theirs", "matched", "found", "closed")),
        sa.Column("ours_minor", sa.BigInteger, nullable=False),
        sa.Column("theirs_minor", sa.BigInteger, nullable=False),
        sa.Column("reconciled_on", sa.Date, nullable=False),
    )
    op.create_table(
        "break_v1",
        sa.Column("break_id", sa.String(80), primary_key=True),
        sa.Column("counterparty", sa.String(80), nullable=False),
        sa.Column("kind", sa.String(13), nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("file_date", sa.Date, nullable=False),
        sa.Column("ours_minor", sa.BigInteger),
        sa.Column("theirs_minor", sa.BigInteger),
        sa.Column("ours_date", sa.Date),
        sa.Column("theirs_date", sa.Date),
        sa.Column("ours_status", sa.Text, nullable=False),
        sa.Column("theirs_status", sa.Text, nullable=False),
        sa.Column("found_on", sa.Date, nullable=False),
        sa.Column("assignee", sa.Text, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("outcome", sa.String(15), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("resolved_on", sa.Date),
    )
    op.create_index("break_v1_by_counterparty", "break_v1", ["counterparty", "break_id"])
    op.create_table(
        "bank_movement",
        sa.Column("reference", sa.Text, primary_key=True),
        sa.Column("value_date", sa.Date, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("position", sa.BigInteger, sa.Identity(always=True), nullable=False),
    )
    op.create_index("bank_movement_by_date", "bank_movement", ["value_date"])
    op.create_table(
        "loan_standing",
        sa.Column("loan_id", sa.String(80), primary_key=True),
        sa.Column("since", sa.Date, primary_key=True),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("bucket", sa.String(8), nullable=False),
    )
