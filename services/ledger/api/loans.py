"""Loans: searched, and one with its plan, its quote and its statement."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field
from sqlalchemy import ColumnElement, select

from libs.contracts import examples as ex
from libs.contracts.ledger import POSITION, Bucket, LoanPosition, Tier
from libs.contracts.problems import Rejected, refuse_unless
from libs.contracts.values import Components
from libs.lending.allocation import Component
from libs.lending.money import Money
from libs.service.etag import etag, not_modified
from libs.service.models import BusinessDate, Code, Id, MoneyField, ResponseModel
from libs.service.pagination import CursorParameter, Limit, Page, page_of, paginate, parse_sort
from libs.service.runtime import Runtime, runtime_of
from libs.service.waiting import awaited
from services.ledger.api.access import Reader, loan_for
from services.ledger.api.shapes import (
    InstalmentState,
    LoanShown,
    PayoffShown,
    RepaymentShown,
    example,
    loan_shown,
    plan_shown,
    repayment_shown,
)
from services.ledger.domain.account import advance, quote
from services.ledger.domain.as_of import LoanAsOf, loan_as_of
from services.ledger.domain.loan import Loan, Status
from services.ledger.domain.payoff import payoff_total
from services.ledger.handlers import LOAN
from services.ledger.library import library
from services.ledger.statement_lines import StatementLine as Movement
from services.ledger.statement_lines import statement_lines
from services.ledger.views import LOAN as LOANS

router = APIRouter(tags=["loans"])

At = Annotated[Runtime, Depends(runtime_of)]
LoanId = Annotated[Id, Path(description="The loan.")]


class LoanSummary(ResponseModel):
    """One loan in a list, as of its last event."""

    model_config = example(
        loan_id=ex.LOAN,
        application_id=ex.APPLICATION,
        applicant_id=ex.APPLICANT,
        contract_id=ex.CONTRACT,
        state="ACTIVE",
        product="consumer-standard",
        grade="B",
        principal=ex.cny("12000.00"),
        outstanding=ex.cny("11079.84"),
        overdue=ex.cny("0.00"),
        days_past_due=0,
        bucket="CURRENT",
        tier="NORMAL",
        as_of="2026-03-02",
        next_due="2026-04-02",
        booked_on="2026-02-02",
        disbursed_on="2026-02-02",
        matures_on="2027-02-02",
        closed_on=None,
    )

    loan_id: Id
    application_id: str
    applicant_id: str
    contract_id: str
    state: Status
    product: str
    grade: str
    principal: MoneyField
    outstanding: MoneyField = Field(description="Principal not yet repaid.")
    overdue: MoneyField
    days_past_due: int = Field(description="On `as_of`.")
    bucket: Bucket
    tier: Tier
    as_of: date | None
    next_due: date | None
    booked_on: date
    disbursed_on: date | None
    matures_on: date | None
    closed_on: date | None


class PlanShown(ResponseModel):
    """The repayment plan with what is open of it on the business date."""

    loan_id: Id = Field(examples=[ex.LOAN])
    as_of: date = Field(examples=["2026-03-02"])
    instalments: list[InstalmentState]


class StatementLine(ResponseModel):
    """One movement: `charged` raises what the borrower owes, `paid` lowers it."""

    model_config = example(
        on="2026-03-02", what="repayment", reference="repayment-1", charged=ex.cny("0.00"), paid=ex.cny("1100.16")
    )

    on: date
    what: str = Field(
        description="disbursement, interest, fee, penalty, repayment, reversal, waiver, refund, recovery."
    )
    reference: str
    charged: MoneyField
    paid: MoneyField


class StatementShown(ResponseModel):
    """Everything that happened on a loan up to the business date, oldest first."""

    loan: LoanShown
    lines: list[StatementLine]
    repayments: list[RepaymentShown]


class LoanAtShown(ResponseModel):
    """A loan on one date by what was known on another."""

    loan_id: Id = Field(examples=[ex.LOAN])
    effective: date = Field(examples=["2026-03-02"])
    known: date = Field(examples=["2026-03-05"])
    state: Status
    position: LoanPosition | None = Field(examples=[POSITION])


async def filters(
    state: Annotated[Status | None, Query(description="One state.")] = None,
    product: Annotated[Code | None, Query(description="One product.")] = None,
    bucket: Annotated[Bucket | None, Query(description="One delinquency bucket.")] = None,
    tier: Annotated[Tier | None, Query(description="One tier of the classification.")] = None,
    applicant_id: Annotated[Id | None, Query(description="One borrower.")] = None,
    application_id: Annotated[Id | None, Query(description="The loan of one application.")] = None,
) -> list[ColumnElement[bool]]:
    columns = LOANS.c
    equal = {
        columns.state: state,
        columns.product: product,
        columns.bucket: bucket,
        columns.tier: tier,
        columns.applicant_id: applicant_id,
        columns.application_id: application_id,
    }
    return [column == str(value) for column, value in equal.items() if value is not None]


@router.get("/loans", summary="List loans")
async def list_loans(
    actor: Reader,
    runtime: At,
    conditions: Annotated[list[ColumnElement[bool]], Depends(filters)],
    sort: Annotated[
        str | None, Query(max_length=100, description="`booked_on`, `loan_id`, `days_past_due`, `outstanding`.")
    ] = None,
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Page[LoanSummary]:
    """Loans that meet every filter, the newest first unless `sort` says otherwise. A borrower sees his own."""
    columns = LOANS.c
    if actor.on_behalf_of is not None:
        conditions = [*conditions, columns.applicant_id == actor.on_behalf_of]
    sortable = {
        "booked_on": columns.booked_on,
        "loan_id": columns.loan_id,
        "days_past_due": columns.days_past_due,
        "outstanding": columns.outstanding_minor,
    }
    keys = parse_sort(sort, sortable, default="-booked_on", unique="loan_id")
    statement = select(LOANS, columns.outstanding_minor.label("outstanding")).where(*conditions)
    rows = await runtime.fetch(paginate(statement, keys, cursor=cursor, limit=limit))
    return page_of(rows, keys, limit=limit, item=_summary)


@router.get("/loans/{loan_id}", summary="Show a loan")
@awaited(LOAN, "loan_id")
async def show_loan(loan_id: LoanId, request: Request, response: Response, actor: Reader, runtime: At) -> LoanShown:
    """A loan with its position on the business date, folded from its events."""
    loan, version = await loan_for(runtime, loan_id, actor)
    if (unchanged := not_modified(request, version)) is not None:
        return unchanged  # type: ignore[return-value]  # FastAPI sends a Response as it is
    response.headers["etag"] = etag(version)
    _refuse_unless_booked(loan)
    return loan_shown(loan, runtime.today, library().policy(runtime.today))


@router.get("/loans/{loan_id}/plan", summary="Show a loan's plan")
async def show_plan(loan_id: LoanId, response: Response, actor: Reader, runtime: At) -> PlanShown:
    """Every instalment as planned, with what is open of it and the overdue interest on it."""
    loan, version = await loan_for(runtime, loan_id, actor)
    response.headers["etag"] = etag(version)
    _refuse_without_account(loan)
    return PlanShown(loan_id=loan_id, as_of=runtime.today, instalments=plan_shown(loan.books, runtime.today))


@router.get("/loans/{loan_id}/payoff", summary="Quote an early payoff")
async def quote_payoff(
    loan_id: LoanId,
    on: Annotated[BusinessDate, Query(description="The date on which the money will come in.")],
    actor: Reader,
    runtime: At,
) -> PayoffShown:
    """What ends the loan on a date: what is due, the principal, and interest for the days used (Civil Code 677)."""
    loan, _ = await loan_for(runtime, loan_id, actor)
    refuse_unless(loan.status is Status.ACTIVE, "loan-not-active", "Only a loan that is owed can be paid off.")
    if on < max(loan.books.until, library().policy(runtime.today).first_open_date(runtime.today)):
        raise Rejected("quote-date", "Quote a date from today on.", field="/on", status=422)
    refuse_unless(
        on <= loan.books.plan.maturity or on <= runtime.today,
        "quote-date",
        f"The loan matures on {loan.books.plan.maturity}; quote a date up to then.",
        field="/on",
        status=422,
    )
    found = quote(loan.books, on, loan.prepayment_fee_rate)
    return PayoffShown(
        loan_id=loan_id,
        on=on,
        components=Components(
            principal=found.amount(Component.PRINCIPAL),
            interest=found.amount(Component.INTEREST),
            fee=found.amount(Component.FEE),
            penalty=found.amount(Component.PENALTY),
        ),
        credit=Money(advance(loan.books, on).credit, loan.currency),
        total=payoff_total(loan, on),
        prepayment_fee_rate=loan.prepayment_fee_rate,
    )


@router.get("/loans/{loan_id}/statement", summary="Show a loan's statement")
async def show_statement(loan_id: LoanId, actor: Reader, runtime: At) -> StatementShown:
    """What was charged and what was paid, up to the business date."""
    loan, _ = await loan_for(runtime, loan_id, actor)
    _refuse_unless_booked(loan)
    return StatementShown(
        loan=loan_shown(loan, runtime.today, library().policy(runtime.today)),
        lines=[_statement_line(line, loan.currency) for line in statement_lines(loan, runtime.today)],
        repayments=[repayment_shown(loan, receipt) for receipt in loan.receipts],
    )


@router.get("/loans/{loan_id}/as-of", summary="Show a loan at a pair of times")
async def show_loan_as_of(
    loan_id: LoanId,
    actor: Reader,
    runtime: At,
    effective: Annotated[BusinessDate, Query(description="The date on which it stands so.")],
    known: Annotated[BusinessDate | None, Query(description="By what was known then; default today.")] = None,
) -> LoanAtShown:
    """Where a loan stood on a date, as it was known on another: both histories of a late truth."""
    await loan_for(runtime, loan_id, actor)
    found = await as_of(runtime, loan_id, effective, known or runtime.today)
    return LoanAtShown(
        loan_id=loan_id, effective=effective, known=found.known, state=found.loan.status, position=found.position
    )


async def as_of(runtime: Runtime, loan_id: str, effective: date, known: date) -> LoanAsOf:
    """The loan at a pair of times, from its events."""
    stored = await runtime.store.load(LOAN.stream_id(loan_id))
    events = await runtime.codec.read(stored)
    # Before the first policy there was no money out, so that nothing of it is asked for.
    policy = library().policy(max(effective, library().first_policy_from))
    return loan_as_of(events, effective, known, policy)


def _refuse_unless_booked(loan: Loan) -> None:
    refuse_unless(
        loan.booked is not None, "loan-refused", "The contract was not booked: it breaks a limit; see its events."
    )


def _refuse_without_account(loan: Loan) -> None:
    refuse_unless(loan.account is not None, "loan-not-disbursed", "A plan runs from the day the money is paid out.")


def _statement_line(line: Movement, currency: str) -> StatementLine:
    zero = Money.zero(currency)
    return StatementLine(
        on=line.on, what=line.what, reference=line.reference, charged=line.charged or zero, paid=line.paid or zero
    )


def _summary(row: Mapping[str, Any]) -> LoanSummary:
    currency = row["currency"]
    return LoanSummary(
        **{name: row[name] for name in _SAME},
        principal=Money(row["principal_minor"], currency),
        outstanding=Money(row["outstanding_minor"], currency),
        overdue=Money(row["overdue_minor"], currency),
    )


_SAME = tuple(set(LoanSummary.model_fields) - {"principal", "outstanding", "overdue"})
