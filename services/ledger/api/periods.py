"""Closing months, and what the books say of them: control accounts, income, the export for a general ledger."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import Field
from sqlalchemy import select, tuple_

from libs.contracts import examples as ex
from libs.contracts.ledger import ActKind, PeriodSealed
from libs.contracts.problems import refuse_unless
from libs.lending.money import Money
from libs.service.commands import Call, command
from libs.service.models import BusinessDate, DecimalField, MoneyField, ResponseModel
from libs.service.runtime import Runtime, runtime_of
from services.ledger.api.access import Bookkeeper
from services.ledger.api.checked import WAITS, Act, By, Work, perform
from services.ledger.api.shapes import example
from services.ledger.domain.act import Target
from services.ledger.handlers import PERIOD, PERIOD_STREAM
from services.ledger.income import DIMENSIONS, income
from services.ledger.library import library
from services.ledger.sealing import Control, control_accounts, rebuilt_hash, seal_of, sealing
from services.ledger.views import JOURNAL

router = APIRouter(tags=["books"])

At = Annotated[Runtime, Depends(runtime_of)]
Month = Annotated[str, Path(pattern=r"^\d{4}-(0[1-9]|1[0-2])$", description="A month, for example 2026-02.")]
CSV: Final = "text/csv"
PAGE: Final = 2_000
COLUMNS: Final = (
    "voucher",
    "line",
    "booked_on",
    "value_date",
    "account",
    "account_name",
    "debit",
    "credit",
    "currency",
    "summary",
    *DIMENSIONS,
    "loan_id",
)


JOURNAL_EXAMPLE: Final = (
    ",".join(COLUMNS) + "\n"
    "1042,1,2026-02-10,2026-02-10,1303,贷款,11079.84,,CNY,loan-disbursed,consumer-standard,B,app,own,,loan-7f3a\n"
    "1042,2,2026-02-10,2026-02-10,1002,银行存款,,11079.84,CNY,loan-disbursed,consumer-standard,B,app,own,,loan-7f3a\n"
)


class ControlShown(ResponseModel):
    """A control account beside the sum of its sub-ledger."""

    model_config = example(
        account="1303", role="loans", control=ex.cny("11079.84"), sub_ledger=ex.cny("11079.84"), equal=True
    )

    account: str
    role: str
    control: MoneyField
    sub_ledger: MoneyField
    equal: bool


class ControlsShown(ResponseModel):
    """Every control account; `sequence` is the last event that was taken into account."""

    sequence: int
    equal: bool
    items: list[ControlShown]


class SealShown(ResponseModel):
    """A closed month under its hash."""

    model_config = example(**PeriodSealed.example)

    period: str
    first: date
    last: date
    entries: int
    lines: int
    sha256: str
    previous_sha256: str
    sealed_by: str
    sealed_on: date


class VerificationShown(ResponseModel):
    """A month made again from events beside its seal."""

    model_config = example(period="2026-02", sealed=ex.SHA256, rebuilt=ex.SHA256, equal=True)

    period: str
    sealed: str
    rebuilt: str
    equal: bool


class IncomeLine(ResponseModel):
    """Income and cost under one value of the dimension; empty where an entry has none."""

    model_config = example(
        value="consumer-standard",
        accounts={"6011.01": ex.cny("180.00")},
        net=ex.cny("180.00"),
        written_off=ex.cny("0.00"),
        recovered=ex.cny("0.00"),
        principal_before=ex.cny("0.00"),
        principal_after=ex.cny("12000.00"),
        annual_return="0.353226",
    )

    value: str
    accounts: dict[str, MoneyField] = Field(description="By account: income positive, cost negative.")
    net: MoneyField
    written_off: MoneyField = Field(description="Against the allowance, so not in `net`: the provision was, before.")
    recovered: MoneyField = Field(description="On loans written off, to the allowance.")
    principal_before: MoneyField = Field(description="Owed on the evening before the first date.")
    principal_after: MoneyField = Field(description="Owed on the evening of the last date.")
    annual_return: DecimalField | None = Field(
        description="`net` as a fraction a year of the mean of both; null where neither is above zero."
    )


class IncomeStatement(ResponseModel):
    """What was earned and lost between two dates, both included, split by one dimension."""

    booked_from: date = Field(examples=["2026-01-01"])
    booked_to: date = Field(examples=["2026-01-31"])
    by: str = Field(examples=["product"])
    lines: list[IncomeLine]
    net: MoneyField
    written_off: MoneyField
    recovered: MoneyField
    annual_return: DecimalField | None = Field(examples=["0.353226"])


@router.get("/control-accounts", summary="Compare control accounts with the sub-ledger")
async def show_controls(_actor: Bookkeeper, runtime: At) -> ControlsShown:
    """Every loan is folded from its events, so this takes a millisecond a loan."""
    sequence, controls = await control_accounts(runtime)
    return ControlsShown(
        sequence=sequence, equal=all(c.equal for c in controls), items=[_control(control) for control in controls]
    )


def _control(control: Control) -> ControlShown:
    return ControlShown(
        account=library().chart.code(control.role),
        role=control.role.value,
        control=Money(control.control, control.currency),
        sub_ledger=Money(control.sub_ledger, control.currency),
        equal=control.equal,
    )


async def _sealing(by: By, target: Target, _body: None) -> Work:
    asked = await sealing(by.runtime, target.period, by.actor.subject)
    return Work(
        decider=PERIOD,
        stream_id=PERIOD_STREAM,
        command=asked,
        shown=lambda periods: _seal(periods.seal(target.period)),
    )


SEAL: Final = Act(kind=ActKind.SEAL, roles=("finance_manager",), body=None, work=_sealing)


@router.post("/periods/{month}/seal", summary="Close a month under a hash", response_model=SealShown, responses=WAITS)
async def seal_month(month: Month, call: Annotated[Call, command(*SEAL.roles)]) -> Response:
    """Once all its days are closed and the control accounts equal their sub-ledger. Entries that are made later are
    booked later; nothing is ever booked into a sealed month."""
    return await perform(call, SEAL, Target(period=month))


@router.get("/periods/{month}/seal", summary="Show the seal of a month")
async def show_seal(month: Month, _actor: Bookkeeper, runtime: At) -> SealShown:
    """The hash over the month's entries, with who closed it and when; 404 as long as it is open."""
    return _seal(await seal_of(runtime, month))


@router.get("/periods/{month}/verification", summary="Make a month again and compare")
async def verify(month: Month, _actor: Bookkeeper, runtime: At) -> VerificationShown:
    """From events by the posting rules, without looking at the journal."""
    sealed = await seal_of(runtime, month)
    rebuilt = await rebuilt_hash(runtime, sealed)
    return VerificationShown(period=month, sealed=sealed.sha256, rebuilt=rebuilt, equal=rebuilt == sealed.sha256)


def _seal(event: PeriodSealed) -> SealShown:
    return SealShown(**{name: getattr(event, name) for name in SealShown.model_fields})


@router.get("/income-statement", summary="Show the income statement")
async def show_income(
    _actor: Bookkeeper,
    runtime: At,
    booked_from: Annotated[BusinessDate, Query(description="First booking date.")],
    booked_to: Annotated[BusinessDate, Query(description="Last booking date.")],
    by: Annotated[
        Literal["product", "grade", "channel", "funder", "branch"], Query(description="Split by.")
    ] = "product",
) -> IncomeStatement:
    """Interest, overdue interest, fees, waivers and provision by product, grade, channel, funder or branch, and what was
    written off and came back, with the return that this is a year. By funder, a loan lent with partners falls to each by
    his share on the day, of the whole as it is booked; `OWN` is what is ours."""
    refuse_unless(
        booked_from <= booked_to,
        "period-reversed",
        "The period begins after it ends.",
        field="/booked_to",
        status=422,
    )
    found = await income(runtime, booked_from, booked_to, by)

    def money(minor: int) -> Money:
        return Money(minor, found.currency)

    lines = [
        IncomeLine(
            value=value,
            accounts={account: money(net) for account, net in sorted(found.accounts[value].items())},
            net=money(found.accounts[value].total()),
            written_off=money(found.written_off[value]),
            recovered=money(found.recovered[value]),
            principal_before=money(found.before[value]),
            principal_after=money(found.after[value]),
            annual_return=found.annual_return([value]),
        )
        for value in found.values
    ]
    return IncomeStatement(
        booked_from=booked_from,
        booked_to=booked_to,
        by=by,
        lines=lines,
        net=sum((line.net for line in lines), money(0)),
        written_off=sum((line.written_off for line in lines), money(0)),
        recovered=sum((line.recovered for line in lines), money(0)),
        annual_return=found.annual_return(found.values),
    )


@router.get(
    "/journal.csv",
    summary="Export the journal for a general ledger",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {CSV: {"schema": {"type": "string"}, "example": JOURNAL_EXAMPLE}},
            "description": "One line a side of an entry.",
        }
    },
)
async def export(
    _actor: Bookkeeper,
    runtime: At,
    booked_from: Annotated[BusinessDate, Query(description="First booking date.")],
    booked_to: Annotated[BusinessDate, Query(description="Last booking date.")],
) -> StreamingResponse:
    """Vouchers as lines of CSV in UTF-8, in the order in which they were posted: `voucher` is the place of the event in
    the ledger's sequence, so that a line is the same in every export."""
    return StreamingResponse(_exported(runtime, booked_from, booked_to), media_type=CSV)


async def _exported(runtime: Runtime, booked_from: date, booked_to: date) -> AsyncIterator[str]:
    columns, chart = JOURNAL.c, library().chart
    yield _csv([COLUMNS])
    after = (0, 0)
    while True:
        statement = (
            select(JOURNAL)
            .where(columns.booked_on >= booked_from, columns.booked_on <= booked_to)
            .where(tuple_(columns.sequence, columns.line) > after)
            .order_by(columns.sequence, columns.line)
            .limit(PAGE)
        )
        rows = await runtime.fetch(statement)
        if not rows:
            return
        lines = []
        for row in rows:
            account = chart.find(row["account"])
            segment = (row["segment"].split("/") if row["segment"] else []) + [""] * len(DIMENSIONS)
            lines.append(
                (
                    row["sequence"],
                    row["line"],
                    row["booked_on"],
                    row["value_date"],
                    row["account"],
                    account.zh if account else "",
                    Money(row["debit_minor"], row["currency"]).amount,
                    Money(row["credit_minor"], row["currency"]).amount,
                    row["currency"],
                    row["text"],
                    *segment[: len(DIMENSIONS)],
                    row["loan_id"],
                )
            )
        yield _csv(lines)
        after = (rows[-1]["sequence"], rows[-1]["line"])


def _csv(rows: object) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)  # type: ignore[arg-type]  # tuples of what str() prints
    return out.getvalue()
