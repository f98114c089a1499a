"""The event kit's tables, partners and their endpoints, shares of loans, and what is sent."""

import sqlalchemy as sa
from alembic import op

from libs.service.migrations import create_kit

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ACCOUNTS = ("disbursed", "principal", "interest", "fee", "penalty", "waived", "written_off", "recovered")
PENDING = sa.text("status = 'PENDING'")


def upgrade() -> None:
    create_kit(op)
    _views()
    _records()


def _views() -> None:
    op.create_table(
        "partner_v1",
        sa.Column("partner", sa.String(64), primary_key=True),
        sa.Column("name_zh", sa.Text, nullable=False),
        sa.Column("name_en", sa.Text, nullable=False),
        sa.Column("licence", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("registered_on", sa.Date, nullable=False),
    )
    op.create_index("partner_v1_by_subject", "partner_v1", ["subject"])
    op.create_table(
        "endpoint_v1",
        sa.Column("endpoint_id", sa.String(80), primary_key=True),
        sa.Column("partner", sa.String(64), nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("types", sa.Text, nullable=False),
        sa.Column("status", sa.String(8), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("previous_until", sa.BigInteger, nullable=False),
        sa.Column("registered_on", sa.Date, nullable=False),
    )
    op.create_index("endpoint_v1_by_partner", "endpoint_v1", ["partner", "endpoint_id"])
    op.create_table(
        "loan_share_v1",
        sa.Column("loan_id", sa.String(80), primary_key=True),
        sa.Column("funder", sa.String(64), primary_key=True),
        sa.Column("share_ppm", sa.Integer, nullable=False),
        *(sa.Column(f"{name}_minor", sa.BigInteger, nullable=False) for name in (*ACCOUNTS, "transferred")),
    )
    op.create_index("loan_share_v1_by_funder", "loan_share_v1", ["funder", "loan_id"])
    op.create_table(
        "shared_loan_v1",
        sa.Column("loan_id", sa.String(80), primary_key=True),
        *(sa.Column(f"{name}_minor", sa.BigInteger, nullable=False) for name in ACCOUNTS),
    )


def _records() -> None:
    op.create_table(
        "message",
        sa.Column("position", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("message_id", sa.Uuid, nullable=False, unique=True),
        sa.Column("partner", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(80), nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("message_by_partner", "message", ["partner", "sequence"])
    op.create_table(
        "delivery",
        sa.Column("endpoint_id", sa.String(80), primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True),
        sa.Column("subject", sa.String(80), nullable=False),
        sa.Column("status", sa.String(9), nullable=False),
        sa.Column("failed", sa.SmallInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("asked", sa.Integer, nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_status", sa.Integer, nullable=False),
        sa.Column("last_error", sa.Text, nullable=False),
    )
    op.create_index("delivery_waiting", "delivery", ["endpoint_id", "position"], postgresql_where=PENDING)
    op.create_index("delivery_of_subject", "delivery", ["endpoint_id", "subject", "position"], postgresql_where=PENDING)
    op.create_table(
        "attempt",
        sa.Column("endpoint_id", sa.String(80), primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("elapsed_ms", sa.Integer, nullable=False),
    )
