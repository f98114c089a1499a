"""The event store, what is kept of loans, and the lists of cases, promises and reminders."""

import sqlalchemy as sa
from alembic import op

from libs.service.migrations import create_kit

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_kit(op)
    _records()
    _views()


def _records() -> None:
    op.create_table(
        "due_instalment",
        sa.Column("loan_id", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("applicant_id", sa.Text, nullable=False),
        sa.Column("due", sa.Date, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("open_minor", sa.BigInteger, nullable=False),
        sa.Column("before_minor", sa.BigInteger, nullable=False),
        sa.Column("changed_on", sa.Date, nullable=False),
    )
    op.create_index("due_instalment_due", "due_instalment", ["due"])
    op.create_table(
        "arrears",
        sa.Column("loan_id", sa.Text, primary_key=True),
        sa.Column("application_id", sa.Text, nullable=False),
        sa.Column("applicant_id", sa.Text, nullable=False),
        sa.Column("since", sa.Date, nullable=False),
        sa.Column("overdue_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("opens_on", sa.Date, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
    )
    op.create_index("arrears_waiting", "arrears", ["opens_on"], postgresql_where=sa.text("case_id = ''"))
    op.create_table(
        "message",
        sa.Column("message_id", sa.Uuid, primary_key=True),
        sa.Column("applicant_id", sa.Text, nullable=False),
        sa.Column("template", sa.Text, nullable=False),
        sa.Column("text_zh", sa.Text, nullable=False),
        sa.Column("text_en", sa.Text, nullable=False),
        sa.Column("sent_on", sa.Date, nullable=False),
    )


def _views() -> None:
    op.create_table(
        "collection_case",
        sa.Column("case_id", sa.Text, primary_key=True),
        sa.Column("loan_id", sa.Text, nullable=False),
        sa.Column("application_id", sa.Text, nullable=False),
        sa.Column("applicant_id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("collector", sa.Text, nullable=False),
        sa.Column("overdue_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("days_past_due", sa.Integer, nullable=False),
        sa.Column("promise", sa.Text, nullable=False),
        sa.Column("promise_due", sa.Date),
        sa.Column("opened_on", sa.Date, nullable=False),
        sa.Column("staged_on", sa.Date, nullable=False),
        sa.Column("assigned_on", sa.Date),
        sa.Column("closed_on", sa.Date),
        sa.Column("ended", sa.Text, nullable=False),
    )
    op.create_index("collection_case_loan", "collection_case", ["loan_id"])
    op.create_index(
        "collection_case_open", "collection_case", ["collector", "case_id"], postgresql_where=sa.text("state = 'OPEN'")
    )
    op.create_table(
        "promise",
        sa.Column("promise_id", sa.Text, primary_key=True),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("loan_id", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("paid_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("due", sa.Date, nullable=False),
        sa.Column("made_on", sa.Date, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("ended_on", sa.Date),
    )
    op.create_index("promise_case", "promise", ["case_id"])
    op.create_index("promise_open", "promise", ["due"], postgresql_where=sa.text("state = 'OPEN'"))
    op.create_table(
        "reminder",
        sa.Column("loan_id", sa.Text, primary_key=True),
        sa.Column("due", sa.Date, primary_key=True),
        sa.Column("days_before", sa.Integer, primary_key=True),
        sa.Column("reminder_id", sa.Text, nullable=False),
        sa.Column("applicant_id", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("sent_on", sa.Date, nullable=False),
    )
    op.create_index("reminder_sent", "reminder", ["sent_on", "reminder_id"])
