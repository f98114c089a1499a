"""What the platform answers. Members that are new on its side are passed over, so that a kit of today reads tomorrow's."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from partners.kit.money import NOTHING, Exact, Money

T = TypeVar("T")
Answered = Literal["ACCEPT", "DECLINE"]
LoanStatus = Literal["ACTIVE", "SETTLED", "WRITTEN_OFF", "RETURNED"]


class Model(BaseModel):
    """The base of what is read."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Page(Model, Generic[T]):
    """A part of a list, and where it goes on."""

    items: list[T]
    next_cursor: str | None = None


class Amounts(Model):
    """Money by account, from the borrower's side of the books. `disbursed` went out to him; `principal`, `interest`,
    `fee` and `penalty` were met, `waived` of that without being paid; `written_off` is no longer counted on; `recovered`
    came after that; `cost` is what servicing or recovering the loan has cost its lenders."""

    disbursed: Money
    principal: Money
    interest: Money
    fee: Money
    penalty: Money
    waived: Money
    written_off: Money
    recovered: Money
    cost: Money = NOTHING

    @property
    def cash(self) -> Money:
        """What came in less what went out."""
        received = self.principal + self.interest + self.fee + self.penalty - self.waived + self.recovered
        return received - self.disbursed - self.cost


class Name(Model):
    zh: str
    en: str


class Partner(Model):
    """Who lends on the platform, as published."""

    partner: str
    legal_name: Name
    licence: str
    registered_on: date


class ContactDetails(Model):
    """Who speaks for you on what, from a date on; without `valid_until` until it is changed."""

    role: Literal["BUSINESS", "SETTLEMENT", "TECHNICAL", "COMPLAINTS", "COMPLIANCE"]
    name: str
    telephone: str
    email: str
    valid_from: date
    valid_until: date | None = None


class Contact(ContactDetails):
    """A contact person of yours, as the platform has it."""

    person_id: str


class Terms(Model):
    """What of an agreement a partner's own books need; `document` has all of it."""

    servicing_fee_rate: Exact
    funds: Literal["PREFUNDED", "CALLED"]
    settlement_days: int
    answer_within_s: int
    data: list[str]
    price: dict[str, Any] | None = None
    first_loss: dict[str, Any] | None = None
    buy_back: dict[str, Any] | None = None
    costs: list[dict[str, Any]] = []
    cut_off: str | None = None


class Agreement(Model):
    """One version of an agreement."""

    agreement: str
    version: int
    partner: str
    status: Literal["PROPOSED", "APPROVED"]
    effective_from: date
    last_day: date | None
    terms: Terms


class Offer(Model):
    """A share of a loan that is offered, with the data that the agreement names, and what came of it."""

    application_id: str
    partner: str
    agreement: str
    version: int
    share_ppm: int
    amount: Money
    status: Literal["OFFERED", "ACCEPTED", "DECLINED", "LAPSED", "WITHDRAWN"]
    reason: str
    answer_until: datetime
    data: dict[str, Any]
    offered_on: date


class Said(Model):
    by: Literal["PARTNER", "LENDER"]
    text: str


class OfferDetail(Model):
    """The last offer of an application, with what was asked about it."""

    application_id: str
    partner: str
    status: Literal["OFFERED", "ACCEPTED", "CLOSED", "WITHDRAWN"]
    amount: Money
    answer_until: datetime
    data: dict[str, Any]
    said: list[Said]


class CallForFunds(Model):
    loan_id: str
    amount: Money
    until: datetime


class Funds(Model):
    """Your money with the platform: free, set aside, used, and what is called for."""

    partner: str
    available: Money
    reserved: Money
    used: Money
    called: list[CallForFunds]


class Loan(Model):
    """A loan as far as you have a part of it."""

    loan_id: str
    since: date
    status: LoanStatus
    bucket: str
    disbursed: Money
    outstanding: Money
    written_off: Money


class Holding(Model):
    funder: str
    share_ppm: int
    amounts: Amounts
    transferred: Money
    transferred_interest: Money = NOTHING
    outstanding: Money


class Holdings(Model):
    """Your part of a loan, to the fen."""

    loan_id: str
    holdings: list[Holding]


class CashFlow(Model):
    """A movement, and your part of it. `reference` is the `id` of the event that told of it."""

    movement_id: str
    reference: str
    loan_id: str
    type: str
    effective_on: date
    cash: Money
    amounts: Amounts
    transferred: Money
    transferred_interest: Money = NOTHING


class Statement(Model):
    """What moved in a period: opening plus movements is closing."""

    partner: str
    first: date
    last: date
    opening: Money
    amounts: Amounts
    transferred: Money
    transferred_interest: Money = NOTHING
    closing: Money
    cash: Money
    movements: int


class Settlement(Model):
    """What was netted into one payment: `payer` pays `amount` to `payee` (`own` is the platform) under its identifier."""

    settlement_id: str
    partner: str
    settled_on: date
    movements: int
    amounts: Amounts
    transferred: Money
    transferred_interest: Money = NOTHING
    funded: Money
    servicing_fee: Money
    price_margin: Money
    first_loss: Money
    fixed_fee: Money = NOTHING
    payer: str
    payee: str
    amount: Money
    file_sha256: str
    paid_on: date | None
    bank_reference: str

    @property
    def net(self) -> Money:
        """What you are paid; negative where you pay."""
        return self.amount if self.payee == self.partner else -self.amount


class Told(Model):
    """An event as it was told, at its place among all that you were told."""

    position: int
    webhook_id: str
    event: dict[str, Any]


class EventType(Model):
    type: str
    meaning: str


class Bucket(Model):
    """Loans that are equally late."""

    status: LoanStatus
    bucket: str
    loans: int
    outstanding: Money


class Vintage(Model):
    """The loans paid out in one month, so many months later."""

    vintage: date
    months: int
    loans: int
    disbursed: Money
    at_risk: Money
