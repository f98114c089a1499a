"""The books: accounts, journal, trial balance."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from sqlalchemy import func, select
from sqlalchemy.engine import RowMapping

from libs.contracts import examples as ex
from libs.contracts.values import Named
from libs.lending.money import Money
from libs.service.models import BusinessDate, Id, MoneyField, ResponseModel
from libs.service.pagination import CursorParameter, Limit, Page, SortKey, page_of, paginate
from libs.service.runtime import Runtime, runtime_of
from services.ledger.api.access import Bookkeeper
from services.ledger.api.shapes import example
from services.ledger.domain.chart import Kind, Role
from services.ledger.library import library
from services.ledger.views import JOURNAL, TURNOVER

router = APIRouter(tags=["books"])

At = Annotated[Runtime, Depends(runtime_of)]


class AccountShown(ResponseModel):
    """An account of the chart."""

    model_config = example(code="1303", kind="ASSET", role="loans", name={"zh": "贷款", "en": "Loans"})

    code: str
    kind: Kind
    role: Role
    name: Named


class Accounts(ResponseModel):
    """The chart of accounts in force."""

    chart: str
    version: int
    items: list[AccountShown]


class Balance(ResponseModel):
    """One account: turnover on both sides, and the balance, positive where debits are more."""

    model_config = example(
        account="1303",
        name={"zh": "贷款", "en": "Loans"},
        currency="CNY",
        debit=ex.cny("12000.00"),
        credit=ex.cny("920.16"),
        balance=ex.cny("11079.84"),
    )

    account: str
    name: Named
    currency: str
    debit: MoneyField
    credit: MoneyField
    balance: MoneyField


class TrialBalance(ResponseModel):
    """All accounts up to a date. `total` is the sum of all balances: zero, or the books are wrong."""

    as_of: date = Field(examples=["2026-03-02"])
    accounts: list[Balance]
    total: dict[str, str] = Field(examples=[{"CNY": "0.00"}], description="By currency, a decimal string.")


class JournalLine(ResponseModel):
    """One side of an entry; the lines of one `entry` balance."""

    model_config = example(
        entry=42,
        line=1,
        loan_id=ex.LOAN,
        event_type="puhui.ledger.repayment-received.v1",
        booked_on="2026-03-02",
        value_date="2026-03-02",
        account="1002",
        debit=ex.cny("1100.16"),
        credit=ex.cny("0.00"),
        segment="",
        text="Repayment received",
        rules="posting v1",
    )

    entry: int = Field(description="The place of its event in the ledger's sequence.")
    line: int
    loan_id: str = Field(description="Empty for an entry over many loans.")
    event_type: str
    booked_on: date
    value_date: date
    account: str
    debit: MoneyField
    credit: MoneyField
    segment: str = Field(description="Product and grade, where the entry is over many loans.")
    text: str
    rules: str = Field(description="The version of the posting rules.")


@router.get("/accounts", summary="Show the chart of accounts")
async def show_accounts(_actor: Bookkeeper) -> Accounts:
    """Every account with the part that it plays in the posting rules."""
    chart = library().chart
    items = [
        AccountShown(code=account.code, kind=account.kind, role=account.role, name=Named(zh=account.zh, en=account.en))
        for account in sorted(chart.accounts.values(), key=lambda account: account.code)
    ]
    return Accounts(chart=chart.name, version=chart.version, items=items)


@router.get("/trial-balance", summary="Show the trial balance")
async def show_trial_balance(
    _actor: Bookkeeper,
    runtime: At,
    as_of: Annotated[BusinessDate | None, Query(description="Up to this date; default the business date.")] = None,
) -> TrialBalance:
    """Turnover and balance of every account that was used."""
    until = as_of or runtime.today
    columns = TURNOVER.c
    statement = (
        select(
            columns.account,
            columns.currency,
            func.sum(columns.debit_minor).label("debit"),
            func.sum(columns.credit_minor).label("credit"),
        )
        .where(columns.booked_on <= until)
        .group_by(columns.account, columns.currency)
        .order_by(columns.currency, columns.account)
    )
    balances = [_balance(row) for row in await runtime.fetch(statement)]
    total: dict[str, Money] = {"CNY": Money.zero()}
    for balance in balances:
        total[balance.currency] = total.get(balance.currency, Money.zero(balance.currency)) + balance.balance
    return TrialBalance(
        as_of=until, accounts=balances, total={currency: amount.amount for currency, amount in total.items()}
    )


@router.get("/journal", summary="List journal lines")
async def list_journal(
    _actor: Bookkeeper,
    runtime: At,
    loan_id: Annotated[Id | None, Query(description="Entries of one loan.")] = None,
    account: Annotated[str | None, Query(max_length=16, description="Lines of one account.")] = None,
    booked_from: Annotated[BusinessDate | None, Query(description="First booking date.")] = None,
    booked_to: Annotated[BusinessDate | None, Query(description="Last booking date.")] = None,
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Page[JournalLine]:
    """Lines that meet every filter, in the order in which they were posted."""
    columns = JOURNAL.c
    conditions = []
    for column, value in ((columns.loan_id, loan_id), (columns.account, account)):
        if value is not None:
            conditions.append(column == value)
    if booked_from is not None:
        conditions.append(columns.booked_on >= booked_from)
    if booked_to is not None:
        conditions.append(columns.booked_on <= booked_to)
    keys = [SortKey("sequence", columns.sequence), SortKey("line", columns.line)]
    rows = await runtime.fetch(paginate(select(JOURNAL).where(*conditions), keys, cursor=cursor, limit=limit))
    return page_of(rows, keys, limit=limit, item=_line)


def _balance(row: RowMapping) -> Balance:
    account = library().chart.find(row["account"])
    assert account is not None, "only accounts of the chart are posted to"
    debit, credit = Money(int(row["debit"]), row["currency"]), Money(int(row["credit"]), row["currency"])
    return Balance(
        account=account.code,
        name=Named(zh=account.zh, en=account.en),
        currency=row["currency"],
        debit=debit,
        credit=credit,
        balance=debit - credit,
    )


def _line(row: Mapping[str, Any]) -> JournalLine:
    return JournalLine(
        entry=row["sequence"],
        line=row["line"],
        loan_id=row["loan_id"],
        event_type=row["event_type"],
        booked_on=row["booked_on"],
        value_date=row["value_date"],
        account=row["account"],
        debit=Money(row["debit_minor"], row["currency"]),
        credit=Money(row["credit_minor"], row["currency"]),
        segment=row["segment"],
        text=row["text"],
        rules=row["rules"],
    )
