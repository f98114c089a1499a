"""Who may do what, and the parameters that several operations share."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path

from libs.contracts.types import Id
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.runtime import Runtime, runtime_of

Reader = Annotated[Actor, Depends(require("collector", "collection_manager", "auditor"))]
Worker = Annotated[Actor, Depends(require("collector", "collection_manager"))]
Collecting = Annotated[Call, command("collector", "collection_manager")]
Managing = Annotated[Call, command("collection_manager")]
Complaining = Annotated[Call, command("collector", "collection_manager", "customer")]
Running = Annotated[Runtime, Depends(runtime_of)]
CaseId = Annotated[Id, Path(description="The case's identifier.")]
WatchReader = Annotated[
    Actor, Depends(require("collector", "collection_manager", "senior_credit_officer", "risk_manager", "auditor"))
]
Watching = Annotated[Call, command("collection_manager", "risk_manager")]
ApplicantId = Annotated[Id, Path(description="The borrower's identifier.")]
