"""Whether anything is to be settled when the next business day opens."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("settlement_mark", sa.Column("open", sa.Boolean, primary_key=True))
    op.execute(
        "insert into settlement_mark (open) select true where exists (select from movement where settlement_id is null)"
    )
