"""How the scoring service is asked: assessments, cards, indicators."""

from __future__ import annotations

from typing import Final

from services.scoring.api import assessments, cards, indicators, watching

routers: Final = [assessments.router, cards.router, watching.router, indicators.router]
