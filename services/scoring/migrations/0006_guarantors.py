"""Who answers for loans that run, on which consent he is asked about anew, and in which role somebody was."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "refresh_surety",
        sa.Column("application_id", sa.String(80), primary_key=True),
        sa.Column("security_id", sa.String(80), primary_key=True),
        sa.Column("provider_id", sa.String(80), nullable=False),
        sa.Column("text_version", sa.String(500), nullable=False),
        sa.Column("signed_on", sa.Date),
        sa.Column("next_on", sa.Date),
    )
    op.create_index("refresh_surety_by_date", "refresh_surety", ["next_on"])
    op.create_index("refresh_surety_by_provider", "refresh_surety", ["provider_id"])
    op.create_index("refresh_loan_by_application", "refresh_loan", ["application_id"])
    op.add_column("refresh_v1", sa.Column("role", sa.String(9), nullable=False, server_default="BORROWER"))
