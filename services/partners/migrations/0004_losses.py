"""Under which version of an agreement losses are borne otherwise than pro rata."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("movement", sa.Column("pool", sa.String(80), nullable=False, server_default=""))
    for name in ("lent_minor", "lost_minor"):
        op.add_column("movement", sa.Column(name, sa.BigInteger, nullable=False, server_default="0"))
    for name in ("pool", "lent_minor", "lost_minor"):
        op.alter_column("movement", name, server_default=None)
