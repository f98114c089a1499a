"""Under which clauses rates may be raised, and which rises were announced."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rate_clause",
        sa.Column("loan_id", sa.Text, primary_key=True),
        sa.Column("clause", sa.Text, nullable=False),
        sa.Column("increase_max", sa.Numeric, nullable=False),
        sa.Column("notice_days", sa.Integer, nullable=False),
    )
    op.create_table(
        "rate_rise",
        sa.Column("measure_id", sa.Text, primary_key=True),
        sa.Column("applicant_id", sa.Text, nullable=False),
        sa.Column("loan_id", sa.Text, nullable=False),
        sa.Column("effective_from", sa.Date, nullable=False),
    )
    op.create_index("rate_rise_effective", "rate_rise", ["effective_from"])
