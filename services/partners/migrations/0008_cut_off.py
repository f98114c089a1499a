"""When movements were recorded and business days opened, for agreements with a cut-off time."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    at = sa.DateTime(timezone=True)
    op.add_column("movement", sa.Column("recorded_at", at, nullable=False, server_default=sa.func.now()))
    op.add_column("movement", sa.Column("cut_off", sa.String(11), nullable=False, server_default=""))
    for name in ("recorded_at", "cut_off"):
        op.alter_column("movement", name, server_default=None)
    op.create_table(
        "day_opened",
        sa.Column("business_date", sa.Date, primary_key=True),
        sa.Column("opened_at", at, nullable=False),
    )
