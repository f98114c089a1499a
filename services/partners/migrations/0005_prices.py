"""What of the income on a partner's part is ours by its price."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("movement", sa.Column("price_rate", sa.Numeric(24, 20), nullable=False, server_default="0"))
    op.alter_column("movement", "price_rate", server_default=None)
