"""Who stands declined, and for what: a new application soon after is not looked at again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "declined",
        sa.Column("application_id", sa.Text, primary_key=True),
        sa.Column("applicant_id", sa.Text, nullable=False),
        sa.Column("declined_on", sa.Date, nullable=False),
        sa.Column("reasons", sa.ARRAY(sa.Text), nullable=False),
    )
    op.create_index("declined_applicant", "declined", ["applicant_id", "declined_on"])
    op.execute("delete from exposure_policy")  # so that all is counted anew from the events
