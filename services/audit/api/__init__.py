"""What the audit answers, a module a kind of question."""

from __future__ import annotations

from typing import Final

from services.audit.api.control import router as control
from services.audit.api.curves import router as curves
from services.audit.api.evidence import bundles
from services.audit.api.evidence import router as evidence
from services.audit.api.pages import router as pages
from services.audit.api.persons import router as persons
from services.audit.api.portfolio import router as portfolio
from services.audit.api.replay import router as replay
from services.audit.api.risk_board import router as risk_board
from services.audit.api.samples import router as samples
from services.audit.api.stages import router as stages
from services.audit.api.trail import router as trail

routers: Final = [
    *(pages, trail, replay, bundles, evidence, persons, control, samples),
    *(portfolio, stages, risk_board, curves),
]
