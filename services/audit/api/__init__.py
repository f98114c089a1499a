"""What the audit answers, a module a kind of question."""

from __future__ import annotations

from typing import Final

from services.audit.api.evidence import router as evidence
from services.audit.api.pages import router as pages
from services.audit.api.replay import router as replay
from services.audit.api.trail import router as trail

routers: Final = [pages, trail, replay, evidence]
