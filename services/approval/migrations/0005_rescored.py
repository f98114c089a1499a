"""What other cards say of past applications."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rescoring",
        sa.Column("rescoring_id", sa.Text, primary_key=True),
        sa.Column("told", JSONB, nullable=False),
    )
    op.create_table(
        "rescored",
        sa.Column("rescoring_id", sa.Text, primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True),
        sa.Column("application_id", sa.Text, nullable=False),
        sa.Column("score", sa.Integer),
        sa.Column("grade", sa.Text),
        sa.Column("reasons", JSONB, nullable=False),
    )
