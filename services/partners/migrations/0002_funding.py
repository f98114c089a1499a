"""Agreements, who funds what, and how much of an agreement is used."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ACCOUNTS = ("disbursed", "principal", "interest", "fee", "penalty", "waived", "written_off", "recovered")


def upgrade() -> None:
    op.create_table(
        "agreement_v1",
        sa.Column("agreement", sa.String(64), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("partner", sa.String(64), nullable=False),
        sa.Column("status", sa.String(8), nullable=False),
        sa.Column("effective_from", sa.Date, nullable=False),
        sa.Column("last_day", sa.Date),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("terms", sa.Text, nullable=False),
        sa.Column("proposed_by", sa.Text, nullable=False),
        sa.Column("approved_by", sa.Text, nullable=False),
    )
    op.create_index("agreement_v1_by_partner", "agreement_v1", ["partner", "agreement"])
    op.create_table(
        "funding_v1",
        sa.Column("application_id", sa.String(80), primary_key=True),
        sa.Column("partner", sa.String(64), primary_key=True),
        sa.Column("agreement", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("share_ppm", sa.Integer, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("status", sa.String(9), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("answer_until", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("offered_on", sa.Date, nullable=False),
    )
    op.create_index("funding_v1_by_partner", "funding_v1", ["partner", "offered_on", "application_id"])
    op.create_index("funding_v1_open", "funding_v1", ["answer_until"], postgresql_where=sa.text("status = 'OFFERED'"))
    op.create_table(
        "funds_v1",
        sa.Column("partner", sa.String(64), primary_key=True),
        *(sa.Column(f"{name}_minor", sa.BigInteger, nullable=False) for name in ("received", "reserved", "used")),
    )
    op.create_table(
        "funds_call_v1",
        sa.Column("loan_id", sa.String(80), primary_key=True),
        sa.Column("partner", sa.String(64), primary_key=True),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("until", sa.Text, nullable=False),
        sa.Column("status", sa.String(8), nullable=False),
    )
    op.create_index("funds_call_v1_open", "funds_call_v1", ["until"], postgresql_where=sa.text("status = 'CALLED'"))
    op.create_table(
        "commitment",
        sa.Column("application_id", sa.String(80), primary_key=True),
        sa.Column("agreement", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("loan_id", sa.String(80), nullable=False),
        sa.Column("applicant_id", sa.String(80), nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("made_on", sa.Date, nullable=False),
        sa.Column("open", sa.Boolean, nullable=False),
    )
    op.create_index("commitment_open", "commitment", ["agreement", "applicant_id"], postgresql_where=sa.text("open"))
    op.create_index("commitment_by_month", "commitment", ["agreement", "made_on"])
    op.create_index("commitment_of_loan", "commitment", ["loan_id"])
    op.create_table("alone", sa.Column("loan_id", sa.String(80), primary_key=True))
    op.create_table(
        "movement",
        sa.Column("sequence", sa.BigInteger, primary_key=True),
        sa.Column("partner", sa.String(64), primary_key=True),
        sa.Column("loan_id", sa.String(80), nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("effective_on", sa.Date, nullable=False),
        *(sa.Column(f"{name}_minor", sa.BigInteger, nullable=False) for name in (*ACCOUNTS, "transferred", "funded")),
        sa.Column("fee_rate", sa.Numeric(24, 20), nullable=False),
        sa.Column("settlement_id", sa.String(80)),
    )
    op.create_index("movement_open", "movement", ["partner"], postgresql_where=sa.text("settlement_id is null"))
    op.create_index("movement_of_settlement", "movement", ["settlement_id", "sequence"])
    op.create_table(
        "settlement_v1",
        sa.Column("settlement_id", sa.String(80), primary_key=True),
        sa.Column("partner", sa.String(64), nullable=False),
        sa.Column("settled_on", sa.Date, nullable=False),
        sa.Column("movements", sa.Integer, nullable=False),
        sa.Column("net_minor", sa.BigInteger, nullable=False),
        sa.Column("fee_minor", sa.BigInteger, nullable=False),
        sa.Column("file_sha256", sa.String(64), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("paid_on", sa.Date),
        sa.Column("bank_reference", sa.Text, nullable=False),
    )
    op.create_index("settlement_v1_by_partner", "settlement_v1", ["partner", "settled_on"])
