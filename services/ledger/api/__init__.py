"""How the ledger is asked: loans, repayments, corrections, business days, books."""

from __future__ import annotations

from typing import Final

from services.ledger.api import books, corrections, days, loans, repayments

routers: Final = [loans.router, repayments.router, corrections.router, days.router, books.router]
