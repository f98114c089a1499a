"""The kit's own tables, the key of applicant identifiers, and the first read models."""

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
        "applicant_key",
        sa.Column("only_row", sa.Boolean, primary_key=True),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.Column("development_key", sa.LargeBinary, nullable=True),
    )
    op.create_table(
        "product_version_v1",
        sa.Column("code", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("effective_from", sa.Date, nullable=False),
        sa.Column("effective_until", sa.Date, nullable=True),
        sa.Column("name_zh", sa.Text, nullable=False),
        sa.Column("name_en", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("amount_min_minor", sa.BigInteger, nullable=False),
        sa.Column("amount_max_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("instalments_min", sa.Integer, nullable=False),
        sa.Column("instalments_max", sa.Integer, nullable=False),
        sa.Column("term_months_max", sa.Integer, nullable=True),
        sa.Column("annual_rate", sa.Numeric, nullable=False),
    )
    op.create_table(
        "product_withdrawal_v1",
        sa.Column("code", sa.Text, primary_key=True),
        sa.Column("effective_from", sa.Date, nullable=False),
    )
    op.create_table(
        "application_v1",
        sa.Column("application_id", sa.Text, primary_key=True),
        sa.Column("applicant_id", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("product", sa.Text, nullable=False),
        sa.Column("product_version", sa.Integer, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("instalments", sa.Integer, nullable=False),
        sa.Column("period_months", sa.Integer, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("started_on", sa.Date, nullable=False),
        sa.Column("expires_on", sa.Date, nullable=False),
        sa.Column("submitted_on", sa.Date, nullable=True),
        sa.Column("ended_on", sa.Date, nullable=True),
    )
    op.create_index("application_v1_by_start", "application_v1", ["started_on", "application_id"])
    op.create_index("application_v1_by_applicant", "application_v1", ["applicant_id"])
    op.create_index("application_v1_by_status", "application_v1", ["status", "expires_on"])
