"""What the bank answers: payments honoured once for each id, their state, the statement, the totals."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from hashlib import sha256
from typing import Annotated, Any, Final

from fastapi import Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from libs.contracts.types import Id, MoneyField, Text
from libs.lending.money import Money
from services.bank.faults import Faults, Outcome, draw, outcome_of
from services.bank.record import Payment, Record, business_days_after

PAGE: Final = 500
REFUSALS: Final = ("account-closed", "invalid-account")
INQUIRIES_MAX: Final = 2
"""An accepted payment is confirmed at the first or second inquiry."""


class BankProblem(Exception):
    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(code)
        self.status, self.code, self.detail = status, code, detail


class AccountBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    bank: Text
    number: Annotated[str, Field(min_length=8, max_length=34)]
    holder: Text


class PaymentBody(BaseModel):
    """An order to pay. The same id with the same content is the same payment."""

    model_config = ConfigDict(extra="forbid")

    payment_id: Id
    amount: MoneyField
    account: AccountBody
    purpose: Annotated[str, Field(min_length=1, max_length=140)]
    value_date: date


async def on_problem(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, BankProblem)
    return _problem(error.status, error.code, error.detail)


async def on_invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    where = ", ".join(".".join(map(str, found["loc"])) for found in error.errors())
    return _problem(422, "invalid-request", f"Wrong or missing: {where}.")


def _problem(status: int, code: str, detail: str) -> JSONResponse:
    document = {"type": f"urn:bank:problem:{code}", "title": code, "status": status, "detail": detail}
    return JSONResponse(document, status, media_type="application/problem+json")


class Bank:
    def __init__(self, seed: int, faults: Faults, record: Record) -> None:
        self.seed, self.faults, self.record = seed, faults, record

    async def pay(self, body: PaymentBody) -> JSONResponse:
        if body.amount.minor <= 0:
            raise BankProblem(422, "invalid-amount", "A payment is of a positive amount.")
        outcome = outcome_of(self.seed, self.faults, body.payment_id)
        payment = self._new(body, outcome)
        known = self.record.payment(body.payment_id)
        if known is not None and not known.asks_the_same(payment):
            raise BankProblem(409, "payment-id-reused", "This payment id stands for another payment.")
        requests = self.record.requested(body.payment_id, outcome.value)
        if known is not None:
            return JSONResponse(shown(known), 200)
        if outcome is Outcome.ERROR_BEFORE and requests == 1:
            raise BankProblem(500, "internal-error", "Something broke.")
        self._do(payment, outcome)
        if outcome is Outcome.ERROR_AFTER:
            raise BankProblem(500, "internal-error", "Something broke.")
        if outcome is Outcome.SLOW:
            await asyncio.sleep(self.faults.slow_s)
        return JSONResponse(shown(payment), 202 if payment.state == "ACCEPTED" else 201)

    def _new(self, body: PaymentBody, outcome: Outcome) -> Payment:
        state, reason = "CONFIRMED", ""
        if outcome is Outcome.ACCEPTED:
            state = "ACCEPTED"
        elif outcome is Outcome.REFUSED:
            state = "REFUSED"
            reason = REFUSALS[draw(self.seed, f"refusal/{body.payment_id}", len(REFUSALS))]
        elif outcome is Outcome.REFUSED_FOR_NOW:
            state, reason = "REFUSED", "insufficient-liquidity"
        return Payment(
            payment_id=body.payment_id,
            amount_minor=body.amount.minor,
            currency=body.amount.currency,
            account=json.dumps(body.account.model_dump(), ensure_ascii=False, sort_keys=True),
            purpose=body.purpose,
            value_date=body.value_date.isoformat(),
            state=state,
            reason=reason,
            retryable=outcome is Outcome.REFUSED_FOR_NOW,
            reference="B" + sha256(f"{self.seed}/{body.payment_id}".encode()).hexdigest()[:15].upper(),
            inquiries=0,
        )

    def _do(self, payment: Payment, outcome: Outcome) -> None:
        return_on = None
        if outcome is Outcome.RETURNED:
            return_on = business_days_after(date.fromisoformat(payment.value_date), self.faults.return_days)
        told = 2 if outcome is Outcome.DUPLICATE else 1
        self.record.keep(payment, told, return_on, "account-not-found" if return_on else "")

    async def show(self, payment_id: str) -> JSONResponse:
        payment = self.record.payment(payment_id)
        if payment is None:
            raise BankProblem(404, "payment-unknown", "No money moved under this id; it may be sent.")
        if payment.state == "ACCEPTED":
            needed = 1 + draw(self.seed, f"inquiries/{payment_id}", INQUIRIES_MAX)
            payment = self.record.inquired(payment, confirm=payment.inquiries + 1 >= needed)
        return JSONResponse(shown(payment))

    async def statement(self, until: date, after: Annotated[int, Query(ge=0)] = 0) -> dict[str, Any]:
        rows = self.record.statement(after, until.isoformat(), PAGE)
        entries = [
            {
                "cursor": row["cursor"],
                "kind": row["kind"],
                "payment_id": row["payment_id"],
                "amount": money(row["amount_minor"], row["currency"]),
                "purpose": row["purpose"],
                "reference": row["reference"],
                "booked_on": row["booked_on"],
                "reason": row["reason"],
            }
            for row in rows
        ]
        return {"entries": entries, "next": rows[-1]["cursor"] if rows else after, "more": len(rows) == PAGE}

    async def totals(self) -> dict[str, Any]:
        found = self.record.totals()
        paid, back = found.pop("paid_minor"), found.pop("returned_minor")
        return {**found, "paid": money(paid, "CNY"), "returned_amount": money(back, "CNY")}


def money(minor: int, currency: str) -> dict[str, str]:
    amount = Money(minor, currency)
    return {"amount": amount.amount, "currency": amount.currency}


def shown(payment: Payment) -> dict[str, Any]:
    """A payment as a client sees it; the account stays out."""
    return {
        "payment_id": payment.payment_id,
        "state": payment.state,
        "reason": payment.reason,
        "retryable": payment.retryable,
        "amount": money(payment.amount_minor, payment.currency),
        "value_date": payment.value_date,
        "reference": payment.reference,
        "purpose": payment.purpose,
    }
