"""Who may ask."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends

from libs.service.actor import Actor
from libs.service.auth import require

READERS: Final = ("auditor", "credit_officer", "loan_officer", "risk_manager", "senior_credit_officer")

Reader = Annotated[Actor, Depends(require(*READERS))]
"""Staff who work with assessments. Applicants are told their reasons with the decision, not their score."""
