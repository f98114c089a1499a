"""What others send us to be laid beside our records, and how that is done: shared by callbacks and uploads."""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError
from starlette.responses import Response

from libs.contracts import examples as ex
from libs.contracts.types import Id, MoneyField
from libs.events.canonical import canonical
from libs.lending.money import Money
from libs.service.commands import Call
from libs.service.models import BusinessDate, RequestModel, ResponseModel
from services.partners.domain.matching import Item, Standing
from services.partners.domain.reconciliation import Reconcile, Reconciliation
from services.partners.handlers import RECONCILIATION
from services.partners.library import reconciliation_policy
from services.partners.sources import loans_of, of_bank, of_partner, standing

BANK: Final = "bank:main"
"""The counterparty that is our bank; no partner's code has a colon."""
CURRENCY: Final = "CNY"


def _in_our_currency(money: Money) -> Money:
    if money.currency != CURRENCY:
        raise PydanticCustomError("currency", "Send amounts in CNY: shared loans are in no other currency.")
    return money


Amount = Annotated[MoneyField, AfterValidator(_in_our_currency)]
Reference = Annotated[str, StringConstraints(min_length=1, max_length=150, pattern=r"^[!-~]+$")]


FILE_BYTES_MAX: Final = 4 * 2**20
"""The largest file: as many lines and loans as there may be, each as long as it may be."""


class ItemBody(RequestModel):
    """Money that moved."""

    reference: Reference = Field(
        description="The `id` of the event that told of it; on the bank's statement the kind of the line and the "
        "payment: `PAID/…`, `RETURNED/…`, `RECEIVED/…` or `REVERSED/…`.",
        examples=["0197a3f0-0000-7000-8000-000000000010"],
    )
    value_date: BusinessDate = Field(description="On which date it counts.")
    amount: Amount = Field(description="Came in (positive) or went out.", examples=[ex.cny("770.11")])


class LoanBody(RequestModel):
    """A loan at the end of the date."""

    loan_id: Id = Field(description="The loan.", examples=[ex.LOAN])
    status: Literal["ACTIVE", "SETTLED", "WRITTEN_OFF", "RETURNED"] = Field(description="Its state.")
    outstanding: Amount = Field(description="Principal that the partner is owed.", examples=[ex.cny("7755.89")])


class FileBody(RequestModel):
    """Everything that the other side has for a date. Send files in the order of their dates."""

    file_date: BusinessDate = Field(description="The date that the file is of.")
    items: list[ItemBody] = Field(max_length=5000, description="What moved, in any order.")
    loans: list[LoanBody] | None = Field(
        default=None, max_length=5000, description="Every loan; left out, none is compared."
    )


class FileShown(ResponseModel):
    """What a file came to. Its breaks: `GET /partners/breaks`."""

    counterparty: Id = Field(description="Whose file.", examples=["harbour-bank"])
    file_date: BusinessDate = Field(description="The date that the file is of.")
    ours: int = Field(description="Our records for it.", examples=[2])
    theirs: int = Field(description="Lines of the file.", examples=[2])
    matched: int = Field(description="How many found their other half.", examples=[2])
    found: int = Field(description="New breaks.", examples=[0])
    closed: int = Field(description="Breaks of earlier files that are over.", examples=[0])
    open: int = Field(description="Breaks that are open now.", examples=[0])


async def reconcile(call: Call, counterparty: str, body: FileBody) -> Response:
    """Lay a file beside our records and answer with what came of it."""
    stream_id, pool = RECONCILIATION.stream_id(counterparty), call.runtime.store.pool
    state, _ = await call.runtime.commands.state(RECONCILIATION, stream_id)
    after, known_until = (state.last.file_date, state.last.known_until) if state.last else (None, 0)
    is_bank = counterparty == BANK
    side = (
        await of_bank(pool, body.file_date, after, known_until)
        if is_bank
        else await of_partner(pool, counterparty, body.file_date, after, known_until)
    )
    loans = None if is_bank or body.loans is None else body.loans
    our_loans = (
        []
        if loans is None
        else [standing(row) for row in await call.runtime.fetch(loans_of(counterparty, body.file_date))]
    )
    asked = Reconcile(
        counterparty=counterparty,
        file_date=body.file_date,
        after=after,
        sha256=sha256(canonical(body.model_dump(mode="json"))).hexdigest(),
        ours=side.items,
        theirs=[Item(item.reference, item.value_date, item.amount.minor) for item in body.items],
        our_loans=our_loans,
        their_loans=None
        if loans is None
        else [Standing(loan.loan_id, loan.status, loan.outstanding.minor) for loan in loans],
        known_until=side.known_until,
        breaks_max=reconciliation_policy().breaks_max,
        received_from=call.actor.subject,
        today=call.today,
    )
    return await call.execute(RECONCILIATION, stream_id, asked, body=_shown)


def _shown(state: Reconciliation) -> FileShown:
    assert state.last is not None, "a file was reconciled"
    last = state.last
    return FileShown(
        counterparty=last.counterparty,
        file_date=last.file_date,
        ours=last.ours,
        theirs=last.theirs,
        matched=last.matched,
        found=last.found,
        closed=last.closed,
        open=len(state.open),
    )
