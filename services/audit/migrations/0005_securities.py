"""Who answers for which application."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "security_page",
        sa.Column("application_id", sa.Text, primary_key=True),
        sa.Column("security_id", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("provider_id", "kind")),
        *(sa.Column(name, sa.Date) for name in ("offered_on", "consented_on", "released_on")),
    )
    op.create_index("security_page_provider", "security_page", ["provider_id"])
