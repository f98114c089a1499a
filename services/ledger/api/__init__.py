"""How the ledger is asked: loans, repayments, corrections, business days, books."""

from __future__ import annotations

from typing import Final

from services.ledger.api import (
    acts,
    adjustments,
    books,
    corrections,
    days,
    files,
    loans,
    papers,
    periods,
    refinancing,
    repayments,
    suspense,
)

routers: Final = [
    loans.router,
    repayments.router,
    corrections.router,
    adjustments.router,
    refinancing.router,
    suspense.router,
    acts.router,
    files.router,
    days.router,
    books.router,
    periods.router,
    papers.router,
]
