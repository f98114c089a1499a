"""A keyed index by which a person is found, and no person in plain text."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from libs.service.migrations import refuse_plain_personal_data

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    refuse_plain_personal_data(op)
    op.create_table(
        "person_index",
        sa.Column("applicant_id", sa.Text, primary_key=True),
        sa.Column("member", sa.Text, primary_key=True),
        sa.Column("digest", sa.LargeBinary, nullable=False),
    )
    op.create_index("person_index_by_digest", "person_index", ["digest"])
