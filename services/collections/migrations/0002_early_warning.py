"""How borrowers behaved, their warnings, and the watch list."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "behaviour",
        sa.Column("applicant_id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("on_day", sa.Date, nullable=False),
    )
    op.create_table(
        "standing_warning",
        sa.Column("loan_id", sa.Text, primary_key=True),
        sa.Column("applicant_id", sa.Text, nullable=False),
    )
    op.create_index("arrears_applicant", "arrears", ["applicant_id"])
    op.create_table(
        "watch",
        sa.Column("applicant_id", sa.Text, primary_key=True),
        sa.Column("watched", sa.Boolean, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("entered_by", sa.Text, nullable=False),
        sa.Column("frozen", sa.Boolean, nullable=False),
        sa.Column("measures", sa.Integer, nullable=False),
        sa.Column("entered_on", sa.Date),
        sa.Column("reviewed_on", sa.Date),
        sa.Column("review_due", sa.Date),
        sa.Column("left_on", sa.Date),
    )
    op.create_index("watch_on", "watch", ["review_due", "applicant_id"], postgresql_where=sa.text("watched"))
    op.create_table(
        "warning",
        sa.Column("warning_id", sa.Text, primary_key=True),
        sa.Column("applicant_id", sa.Text, nullable=False),
        sa.Column("loan_id", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("text_zh", sa.Text, nullable=False),
        sa.Column("text_en", sa.Text, nullable=False),
        sa.Column("raised_on", sa.Date, nullable=False),
        sa.Column("until_cured", sa.Boolean, nullable=False),
        sa.Column("cured_on", sa.Date),
    )
    op.create_index("warning_applicant", "warning", ["applicant_id"])
    op.create_index("warning_loan", "warning", ["loan_id"])
