"""The event store, pages and trails."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from libs.service.migrations import create_kit

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_kit(op)
    op.create_table(
        "application_page",
        sa.Column("application_id", sa.Text, primary_key=True),
        sa.Column("applicant_id", sa.Text, nullable=False),
        sa.Column("product", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("application_state", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("instalments", sa.Integer),
        sa.Column("started_on", sa.Date),
        sa.Column("submitted_on", sa.Date),
        sa.Column("score", sa.Integer),
        sa.Column("grade", sa.Text, nullable=False),
        sa.Column("probability_of_default", sa.Text, nullable=False),
        sa.Column("card", sa.Text, nullable=False),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("decision_table", sa.Text, nullable=False),
        sa.Column("decided_by", sa.Text, nullable=False),
        sa.Column("automatic", sa.Boolean),
        sa.Column("offer_lapsed", sa.Text, nullable=False),
        sa.Column("contract_id", sa.Text, nullable=False),
        sa.Column("contract_state", sa.Text, nullable=False),
        sa.Column("irr_annual", sa.Text, nullable=False),
        sa.Column("document_sha256", sa.Text, nullable=False),
        sa.Column("loan_id", sa.Text, nullable=False),
    )
    op.create_index("application_page_applicant", "application_page", ["applicant_id"])
    op.create_index("application_page_loan", "application_page", ["loan_id"])
    op.create_table(
        "case_page",
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("loan_id", sa.Text, nullable=False),
        sa.Column("application_id", sa.Text, nullable=False),
        sa.Column("case_state", sa.Text, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("collector", sa.Text, nullable=False),
        sa.Column("ended", sa.Text, nullable=False),
        sa.Column("contacts", sa.BigInteger, nullable=False),
        sa.Column("promises", sa.BigInteger, nullable=False),
        sa.Column("promises_kept", sa.BigInteger, nullable=False),
        sa.Column("promises_broken", sa.BigInteger, nullable=False),
        sa.Column("complaints", sa.BigInteger, nullable=False),
        sa.Column("opened_on", sa.Date),
        sa.Column("closed_on", sa.Date),
    )
    op.create_index("case_page_loan", "case_page", ["loan_id"])
    op.create_table(
        "loan_page",
        sa.Column("loan_id", sa.Text, primary_key=True),
        sa.Column("application_id", sa.Text, nullable=False),
        sa.Column("applicant_id", sa.Text, nullable=False),
        sa.Column("product", sa.Text, nullable=False),
        sa.Column("grade", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("loan_state", sa.Text, nullable=False),
        sa.Column("bucket", sa.Text, nullable=False),
        sa.Column("tier", sa.Text, nullable=False),
        sa.Column("disbursement", sa.Text, nullable=False),
        sa.Column("settlement", sa.Text, nullable=False),
        sa.Column("principal_minor", sa.BigInteger, nullable=False),
        sa.Column("outstanding_minor", sa.BigInteger, nullable=False),
        sa.Column("outstanding_principal_minor", sa.BigInteger, nullable=False),
        sa.Column("overdue_minor", sa.BigInteger, nullable=False),
        sa.Column("credit_minor", sa.BigInteger, nullable=False),
        sa.Column("repaid_minor", sa.BigInteger, nullable=False),
        sa.Column("written_off_minor", sa.BigInteger, nullable=False),
        sa.Column("recovered_minor", sa.BigInteger, nullable=False),
        sa.Column("repayments", sa.BigInteger, nullable=False),
        sa.Column("reversals", sa.BigInteger, nullable=False),
        sa.Column("recoveries", sa.BigInteger, nullable=False),
        sa.Column("reminders", sa.BigInteger, nullable=False),
        sa.Column("cases", sa.BigInteger, nullable=False),
        sa.Column("days_past_due", sa.Integer, nullable=False),
        sa.Column("disbursement_attempts", sa.Integer, nullable=False),
        sa.Column("booked_on", sa.Date),
        sa.Column("disbursed_on", sa.Date),
        sa.Column("as_of", sa.Date),
        sa.Column("next_due", sa.Date),
        sa.Column("settled_on", sa.Date),
        sa.Column("written_off_on", sa.Date),
    )
    op.create_index("loan_page_application", "loan_page", ["application_id"])
    op.create_index("loan_page_state", "loan_page", ["loan_state", "loan_id"])
    op.create_table(
        "trail",
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("stream_id", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("authority", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("effective_date", sa.Date),
        sa.Column("correlation_id", sa.Text, nullable=False),
        sa.Column("causation_id", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("rules", JSONB, nullable=False),
    )
    op.create_index("trail_actor", "trail", ["actor", "sequence"])
    op.create_index("trail_correlation", "trail", ["correlation_id", "sequence"])
    op.create_index("trail_event", "trail", ["event_id"], unique=True)
    op.create_index("trail_stream", "trail", ["stream_id", "sequence"])
    op.create_table(
        "trail_subject",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    )
