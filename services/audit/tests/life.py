"""One loan's life on the streams that it really has, with identifiers that follow from one another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid5

from libs.contracts import application as app
from libs.contracts import approval, collections, contract, ledger, partners, scoring
from libs.contracts import examples as ex
from libs.contracts.base import DomainEvent
from libs.evidence.bundle import case_of, contract_of, loan_of
from libs.service.testing import Served
from services.audit.tests.given import example


def application_id(number: int) -> str:
    return str(uuid5(UUID(int=0), f"application/{number}"))


def told(number: int) -> Iterator[tuple[str, DomainEvent]]:
    """Streams and events of application `number`, as they happened: to a case that was closed, and a repayment."""
    own = application_id(number)
    its_contract = contract_of(own)
    loan = loan_of(its_contract)
    applicant = f"applicant-{number}"
    request = ex.REQUEST | {"applicant_id": applicant}
    case = case_of(loan, "2026-04-07")

    def made(event: type[DomainEvent], **changes: Any) -> DomainEvent:
        ids: dict[str, Any] = {
            "application_id": own,
            "contract_id": its_contract,
            "loan_id": loan,
            "applicant_id": applicant,
        }
        ids |= {"case_id": case, "request": request}
        known = {name: value for name, value in ids.items() if name in event.model_fields}
        return example(event, **{**known, **changes})

    yield f"application-{own}", made(app.ApplicationStarted)
    yield f"application-{own}", made(app.ApplicationSubmitted)
    yield f"assessment-{own}", made(scoring.ApplicationScored)
    yield f"decision-{own}", made(approval.ApplicationApproved)
    yield f"funding-{own}", made(partners.FundingArranged)
    yield f"contract-{its_contract}", made(contract.ContractOffered)
    yield f"contract-{its_contract}", made(contract.ContractSigned)
    yield f"application-{own}", made(app.ApplicationConcluded)
    yield f"loan-{loan}", made(ledger.LoanBooked)
    yield f"loan-{loan}", made(ledger.LoanDisbursed)
    yield f"share-{loan}", made(partners.LoanShared)
    yield f"reminder-{loan}", made(collections.ReminderSent)
    yield f"loan-{loan}", made(ledger.DelinquencyChanged)
    yield f"case-{case}", made(collections.CollectionCaseOpened, opened_on="2026-04-07")
    yield f"case-{case}", made(collections.CaseAssigned)
    yield f"conduct-{applicant}", made(collections.ContactLogged)
    yield f"loan-{loan}", made(ledger.RepaymentReceived)
    yield (
        f"loan-{loan}",
        made(ledger.DelinquencyChanged, previous="M1", position=ledger.POSITION, changed_on="2026-04-10"),
    )
    yield f"case-{case}", made(collections.CollectionCaseClosed)


async def tell(audit: Served, *numbers: int) -> None:
    """These applications happen, one event of each in turn."""
    for moments in zip(*(list(told(number)) for number in numbers), strict=True):
        for stream, event in moments:
            await audit.publish(stream, event)
    await audit.settle()
