"""The event store and the list of decisions."""

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
        "decision",
        sa.Column("application_id", sa.Text, primary_key=True),
        sa.Column("applicant_id", sa.Text, nullable=False),
        sa.Column("product", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("grade", sa.Text, nullable=False),
        sa.Column("score", sa.Integer),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("table_version", sa.Integer),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("four_eyes", sa.Boolean, nullable=False),
        sa.Column("officer", sa.Text, nullable=False),
        sa.Column("recommended", sa.Text, nullable=False),
        sa.Column("automatic", sa.Boolean, nullable=False),
        sa.Column("decided_on", sa.Date),
        sa.Column("referred_on", sa.Date),
        sa.Column("expires_on", sa.Date),
    )
    op.create_index("decision_status", "decision", ["status", "queue", "application_id"])
    op.create_index("decision_expiry", "decision", ["expires_on"], postgresql_where=sa.text("status = 'APPROVED'"))
