"""The event kit's tables, loans and repayments, the books, the detail of closed days, the bank's cursor."""

import sqlalchemy as sa
from alembic import op

from libs.service.migrations import create_kit

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_kit(op)
    op.create_table(
        "loan_v1",
        sa.Column("loan_id", sa.String(80), primary_key=True),
        sa.Column("application_id", sa.String(80), nullable=False),
        sa.Column("applicant_id", sa.String(80), nullable=False),
        sa.Column("contract_id", sa.String(80), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("product", sa.String(64), nullable=False),
        sa.Column("grade", sa.String(16), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("principal_minor", sa.BigInteger, nullable=False),
        sa.Column("outstanding_minor", sa.BigInteger, nullable=False),
        sa.Column("overdue_minor", sa.BigInteger, nullable=False),
        sa.Column("days_past_due", sa.Integer, nullable=False),
        sa.Column("bucket", sa.String(8), nullable=False),
        sa.Column("tier", sa.String(16), nullable=False),
        sa.Column("as_of", sa.Date),
        sa.Column("next_due", sa.Date),
        sa.Column("booked_on", sa.Date, nullable=False),
        sa.Column("disbursed_on", sa.Date),
        sa.Column("matures_on", sa.Date),
        sa.Column("closed_on", sa.Date),
    )
    op.create_index("loan_v1_by_applicant", "loan_v1", ["applicant_id"])
    op.create_index("loan_v1_by_application", "loan_v1", ["application_id"])
    op.create_index("loan_v1_by_booking", "loan_v1", ["booked_on", "loan_id"])
    op.create_table(
        "repayment_v1",
        sa.Column("loan_id", sa.String(80), primary_key=True),
        sa.Column("repayment_id", sa.String(80), primary_key=True),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("value_date", sa.Date, nullable=False),
        sa.Column("received_on", sa.Date, nullable=False),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("bank_reference", sa.String(140), nullable=False),
        sa.Column("recovery", sa.Boolean, nullable=False),
        sa.Column("reversed_on", sa.Date),
    )
    op.create_index("repayment_v1_by_reference", "repayment_v1", ["bank_reference"])
    op.create_table(
        "journal_v1",
        sa.Column("sequence", sa.BigInteger, primary_key=True),
        sa.Column("line", sa.Integer, primary_key=True),
        sa.Column("loan_id", sa.String(80), nullable=False),
        sa.Column("event_type", sa.String(80), nullable=False),
        sa.Column("booked_on", sa.Date, nullable=False),
        sa.Column("value_date", sa.Date, nullable=False),
        sa.Column("account", sa.String(16), nullable=False),
        sa.Column("debit_minor", sa.BigInteger, nullable=False),
        sa.Column("credit_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("segment", sa.String(96), nullable=False),
        sa.Column("text", sa.String(80), nullable=False),
        sa.Column("rules", sa.String(32), nullable=False),
    )
    op.create_index("journal_v1_by_loan", "journal_v1", ["loan_id", "sequence", "line"])
    op.create_index("journal_v1_by_account", "journal_v1", ["account", "sequence", "line"])
    op.create_index("journal_v1_by_date", "journal_v1", ["booked_on", "sequence", "line"])
    op.create_table(
        "turnover_v1",
        sa.Column("booked_on", sa.Date, primary_key=True),
        sa.Column("account", sa.String(16), primary_key=True),
        sa.Column("currency", sa.String(3), primary_key=True),
        sa.Column("debit_minor", sa.BigInteger, nullable=False),
        sa.Column("credit_minor", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "day_detail",
        sa.Column("business_date", sa.Date, primary_key=True),
        sa.Column("loans", sa.Integer, nullable=False),
        sa.Column("detail", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "bank_reference",
        sa.Column("reference", sa.String(140), primary_key=True),
        sa.Column("loan_id", sa.String(80), nullable=False),
        sa.Column("repayment_id", sa.String(80), nullable=False),
        sa.Column("reserved_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "bank_cursor",
        sa.Column("only_row", sa.Boolean, primary_key=True),
        sa.Column("cursor", sa.BigInteger, nullable=False),
    )
