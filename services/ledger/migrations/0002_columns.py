"""The portfolio's rows between closes; the detail of a closed day becomes a Parquet file; money held in suspense."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "loan_meter",
        sa.Column("loan_id", sa.Uuid, primary_key=True),
        sa.Column("columns", sa.LargeBinary, nullable=False),
        sa.Column("late", sa.LargeBinary, nullable=False),
        sa.Column("plan", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "loan_meter_layout",
        sa.Column("only_row", sa.Boolean, primary_key=True),
        sa.Column("layout", sa.Integer, nullable=False),
    )
    op.create_table(
        "loan_segment",
        sa.Column("code", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("product", sa.String(64), nullable=False),
        sa.Column("grade", sa.String(16), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("funder", sa.String(80), nullable=False),
        sa.Column("branch", sa.String(80), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
    )
    op.create_table(
        "suspense_v1",
        sa.Column("suspense_id", sa.String(80), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("value_date", sa.Date, nullable=False),
        sa.Column("received_on", sa.Date, nullable=False),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("bank_reference", sa.String(140), nullable=False),
        sa.Column("text", sa.String(500), nullable=False),
        sa.Column("loan_id", sa.String(80), nullable=False),
        sa.Column("closed_on", sa.Date),
    )
    op.create_index("suspense_v1_by_state", "suspense_v1", ["state", "received_on", "suspense_id"])
    op.alter_column("journal_v1", "segment", type_=sa.String(300))
    # Files are packed already: to pack them again would only take time. Rows change in place most days.
    op.execute("alter table day_detail alter column detail set storage external")
    op.execute("alter table loan_meter set (fillfactor = 70)")
