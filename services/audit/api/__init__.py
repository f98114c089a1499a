"""What the audit answers, a module a kind of question."""

from __future__ import annotations

from typing import Final

from services.audit.api.evidence import router as evidence
from services.audit.api.pages import router as pages

routers: Final = [pages, evidence]
