"""The event kit's tables and the list of assessments."""

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
        "assessment_v1",
        sa.Column("application_id", sa.String(80), primary_key=True),
        sa.Column("outcome", sa.String(8), nullable=False),
        sa.Column("assessed_on", sa.Date, nullable=False),
        sa.Column("applicant_id", sa.String(80), nullable=False),
        sa.Column("product_code", sa.String(64), nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("card_id", sa.String(64)),
        sa.Column("card_version", sa.Integer),
        sa.Column("score", sa.Integer),
        sa.Column("grade", sa.String(2)),
        sa.Column("probability_of_default", sa.Numeric(7, 6)),
        sa.Column("main_reason", sa.String(64)),
    )
    op.create_index("assessment_v1_by_date", "assessment_v1", ["assessed_on", "application_id"])
    op.create_index("assessment_v1_by_applicant", "assessment_v1", ["applicant_id"])
