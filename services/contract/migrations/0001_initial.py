"""The first tables: the kit's, contracts as rows, borrowers, open offers, withdrawals, documents, keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from libs.service.migrations import create_kit

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

IMMUTABLE = """
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'documents are never changed or removed' using errcode = 'integrity_constraint_violation';
end $$;
"""


def upgrade() -> None:
    create_kit(op)
    op.create_table(
        "contract_v1",
        sa.Column("contract_id", sa.String(80), primary_key=True),
        sa.Column("application_id", sa.String(80), nullable=False),
        sa.Column("applicant_id", sa.String(80), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("product_code", sa.String(64), nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("annual_rate", sa.Numeric(9, 6), nullable=False),
        sa.Column("instalments", sa.Integer, nullable=False),
        sa.Column("offered_on", sa.Date, nullable=False),
        sa.Column("expires_on", sa.Date, nullable=False),
        sa.Column("signed_on", sa.Date),
        sa.Column("ended_on", sa.Date),
        sa.Column("end_reason", sa.String(500)),
    )
    op.create_index("contract_v1_by_date", "contract_v1", ["offered_on", "contract_id"])
    op.create_index("contract_v1_by_applicant", "contract_v1", ["applicant_id"])
    op.create_index("contract_v1_by_application", "contract_v1", ["application_id"])
    op.create_index("contract_v1_by_status", "contract_v1", ["status", "offered_on"])
    op.create_table(
        "party",
        sa.Column("applicant_id", sa.String(80), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", sa.String(500), nullable=False),
        sa.Column("identity_number", sa.String(40), nullable=False),
        sa.Column("mobile", sa.String(40), nullable=False),
        sa.Column("legal_representative", sa.String(500), nullable=False),
    )
    op.create_table(
        "open_offer",
        sa.Column("contract_id", sa.String(80), primary_key=True),
        sa.Column("expires_on", sa.Date, nullable=False),
    )
    op.create_index("open_offer_by_expiry", "open_offer", ["expires_on"])
    op.create_table(
        "withdrawal",
        sa.Column("application_id", sa.String(80), primary_key=True),
        sa.Column("withdrawn_on", sa.Date, nullable=False),
    )
    op.create_table(
        "document",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("contract_id", sa.String(80), nullable=False),
        sa.Column("media_type", sa.String(100), nullable=False),
        sa.Column("begins_with", sa.String(64), sa.ForeignKey("document.sha256")),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_index("document_by_contract", "document", ["contract_id"])
    op.execute("alter table document alter column content set storage external")  # a PDF is compressed already
    op.execute(IMMUTABLE)
    op.execute("create trigger immutable before update or delete on document execute function refuse_change()")
    op.execute("create trigger never_emptied before truncate on document execute function refuse_change()")
    op.create_table(
        "signing_key",
        sa.Column("signatory", sa.String(80), primary_key=True),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("sealed_private_key", sa.LargeBinary, nullable=False),
    )
