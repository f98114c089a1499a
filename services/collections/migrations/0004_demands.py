"""More guarantee that is demanded, and not given yet."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "guarantee_demand",
        sa.Column("measure_id", sa.Text, primary_key=True),
        sa.Column("applicant_id", sa.Text, nullable=False),
        sa.Column("loan_id", sa.Text, nullable=False),
        sa.Column("due_on", sa.Date, nullable=False),
    )
    op.create_index("guarantee_demand_due", "guarantee_demand", ["due_on"])
