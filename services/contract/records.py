"""What the service keeps beside its events and read models: written in the transactions of its reactions and tasks."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Date, ForeignKey, Index, LargeBinary, MetaData, String, Table

METADATA: Final = MetaData()

PARTY: Final = Table(
    "party",
    METADATA,
    Column("applicant_id", String(80), primary_key=True),
    Column("type", String(200), nullable=False),
    Column("data", LargeBinary, nullable=False),
)
"""Borrowers as the application service told of them: the event as it was published, personal values sealed."""

OFFER: Final = Table(
    "open_offer",
    METADATA,
    Column("contract_id", String(80), primary_key=True),
    Column("expires_on", Date, nullable=False),
    Index("open_offer_by_expiry", "expires_on"),
)
"""Offers that a business day may end."""

WITHDRAWAL: Final = Table(
    "withdrawal",
    METADATA,
    Column("application_id", String(80), primary_key=True),
    Column("withdrawn_on", Date, nullable=False),
)
"""Withdrawals that came before an approval: none may lead to a contract any more."""

DOCUMENT: Final = Table(
    "document",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    Column("contract_id", String(80), nullable=False),
    Column("applicant_id", String(80), nullable=False),
    Column("media_type", String(100), nullable=False),
    Column("begins_with", String(64), ForeignKey("document.sha256")),
    Column("content", LargeBinary, nullable=False),
    Index("document_by_contract", "contract_id"),
)
"""Documents under their hashes, each sealed under the borrower's key; the hash is that of the document as it is shown.
A signed one is what it adds to the one that it begins with. Triggers refuse every change and removal."""

SIGNING_KEY: Final = Table(
    "signing_key",
    METADATA,
    Column("signatory", String(80), primary_key=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("sealed_private_key", LargeBinary, nullable=False),
)
"""Keys of the local signature service, sealed with AES-256-GCM."""
