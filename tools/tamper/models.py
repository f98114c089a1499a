"""Tampering with what follows from events: rows of a read model, and documents."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

from libs.evidence.bundle import contract_of, loan_of
from libs.evidence.verify import verify
from libs.service.testing import key, served
from services.audit.app import service
from services.audit.tests.life import application_id, tell
from tools.tamper.outcome import Outcome
from tools.verify.example import town

AUDIT: Final = "tamper_audit"
LOANS: Final = 3


async def of_read_models(server: Any, directory: Path) -> list[Outcome]:
    """A row is altered, one is removed and one is made up: the verification names each."""
    server.create_database(AUDIT)
    altered, removed = loan_of(contract_of(application_id(1))), loan_of(contract_of(application_id(2)))
    try:
        async with served(service, server.dsn(AUDIT), directory / "audit") as audit:
            await tell(audit, *range(1, LOANS + 1))
            pool = audit.runtime.store.pool
            await pool.execute(
                "update loan_page set outstanding_minor = outstanding_minor - 1 where loan_id = $1", altered
            )
            await pool.execute("delete from loan_page where loan_id = $1", removed)
            await pool.execute("update trail set actor = 'somebody else' where sequence = 1")
            operator = await audit.client("operator")
            began = time.perf_counter()
            answer = await operator.post("/audit/operations/verifications", headers=key())
            seconds = time.perf_counter() - began
    finally:
        server.drop_database(AUDIT)
    told = {text for model in answer.json() for text in model["differences"]}
    return [
        _outcome("a row of a read model altered", altered, told, seconds),
        _outcome("a row of a read model removed", removed, told, seconds),
        _outcome("an actor in the trail altered", "somebody else", told, seconds),
    ]


def _outcome(name: str, expected: str, told: set[str], seconds: float) -> Outcome:
    text = next((each for each in told if expected in each), "")
    return Outcome(
        name, bool(text), expected, seconds, "the verification of read models names the row, live and rebuilt"
    )


def of_documents(directory: Path) -> Outcome:
    """A document that is not the one whose hash was recorded is told from the one that is."""
    bundle = town(directory / "documents", 1, document=b"%PDF as it was signed").bundle(1)
    good = verify(bundle, documents={"contract.pdf": b"%PDF as it was signed"})
    began = time.perf_counter()
    bad = verify(bundle, documents={"contract.pdf": b"%PDF as it was altered"})
    seconds = time.perf_counter() - began
    right = good.sound and [each.code for each in bad.findings] == ["document"]
    what = bad.findings[0].what if bad.findings else "nothing was found"
    return Outcome("a document altered", right, "contract.pdf", seconds, what)
