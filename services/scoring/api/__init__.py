"""How the scoring service is asked: assessments and the information behind them, cards, indicators."""

from __future__ import annotations

from typing import Final

from services.scoring.api import (
    assessments,
    card_life,
    cards,
    indicators,
    information,
    performance,
    refreshes,
    rescorings,
    rules,
    watching,
)

routers: Final = [
    assessments.router,
    information.router,
    refreshes.router,
    rules.router,
    cards.router,
    card_life.router,
    rescorings.router,
    watching.router,
    performance.router,
    indicators.router,
]
