"""Which loans run, who answers for them, and which borrowers count as one risk."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "borrower_loan",
        sa.Column("loan_id", sa.Text, primary_key=True),
        sa.Column("application_id", sa.Text, nullable=False),
        sa.Column("applicant_id", sa.Text, nullable=False),
        sa.Column("runs", sa.Boolean, nullable=False),
    )
    op.create_index("borrower_loan_application", "borrower_loan", ["application_id"])
    op.create_index("borrower_loan_applicant", "borrower_loan", ["applicant_id"])
    op.create_table(
        "surety",
        sa.Column("application_id", sa.Text, primary_key=True),
        sa.Column("security_id", sa.Text, primary_key=True),
        sa.Column("provider_id", sa.Text, nullable=False),
        sa.Column("agreed", sa.Boolean, nullable=False),
    )
    op.create_index("surety_provider", "surety", ["provider_id"])
    op.create_table(
        "connected_borrower",
        sa.Column("applicant_id", sa.Text, primary_key=True),
        sa.Column("group_id", sa.Text, nullable=False),
    )
    op.create_index("connected_borrower_group", "connected_borrower", ["group_id"])
