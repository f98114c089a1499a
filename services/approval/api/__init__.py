"""How approval is asked: decisions and the work on them, limits, security, officers, decision tables."""

from services.approval.api import (
    card_comparisons,
    casework,
    comparisons,
    decisions,
    groups,
    officers,
    securities,
    tables,
)

routers = [
    decisions.router,
    casework.router,
    securities.router,
    groups.router,
    officers.router,
    tables.router,
    comparisons.router,
    card_comparisons.router,
]
