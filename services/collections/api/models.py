"""What goes in and out of the API of collection."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from libs.contracts.collections import CaseEnd, ContactChannel, ContactLogged, ContactResult, Stage, ThirdPartyGround
from libs.contracts.examples import APPLICANT, APPLICATION, CASE, LOAN, cny
from libs.contracts.values import Named
from libs.lending.money import Money
from libs.service.models import BusinessDate, Code, Id, MoneyField, PositiveMoney, RequestModel, ResponseModel, Text
from services.collections.domain import conduct
from services.collections.domain.contact_rules import Breach, Intent
from services.collections.domain.plan import Plan, PlanStatus
from services.collections.domain.promise import Promise, PromiseStatus
from services.collections.domain.rules import Rules
from services.collections.domain.state import State, Status
from services.collections.scripts import CallScript, Listener

YEAR_MIN: Final = 1900
YEAR_MAX: Final = 2199
PARTS_MAX: Final = 100
"""More than any policy allows."""
_LOCAL_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?")


def _local_time(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        if isinstance(value, str) and _LOCAL_TIME.fullmatch(value):
            parsed = datetime.fromisoformat(value)
            if YEAR_MIN <= parsed.year <= YEAR_MAX:
                return parsed
    except ValueError:
        pass
    raise PydanticCustomError("not_a_local_time", "Send a local time that exists, without offset: 2026-04-04T10:15:00.")


LocalTime = Annotated[
    datetime,
    BeforeValidator(_local_time, json_schema_input_type=str),
    WithJsonSchema({"type": "string", "examples": ["2026-04-04T10:15:00"]}),
]
"""A time of the debtor's own clock, without offset."""


class CaseSummary(ResponseModel):
    """One case in a list. `priority` is 1 for what comes first: a broken promise or plan, then the later stages; 5 waits
    for a date that was promised."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "case_id": CASE,
                    "loan_id": LOAN,
                    "application_id": APPLICATION,
                    "applicant_id": APPLICANT,
                    "state": "OPEN",
                    "stage": "EARLY",
                    "collector": "collector",
                    "overdue": {**cny("1100.16")},
                    "days_past_due": 1,
                    "priority": 4,
                    "promise": None,
                    "promise_due": None,
                    "plan": None,
                    "plan_due": None,
                    "opened_on": "2026-04-03",
                    "assigned_on": "2026-04-04",
                    "closed_on": None,
                    "end": None,
                }
            ]
        }
    )

    case_id: str
    loan_id: str
    application_id: str
    applicant_id: str
    state: Status
    stage: Stage
    collector: str
    overdue: MoneyField
    days_past_due: int
    priority: int
    promise: PromiseStatus | None
    promise_due: date | None
    plan: PlanStatus | None
    plan_due: date | None
    opened_on: date
    assigned_on: date | None
    closed_on: date | None
    end: CaseEnd | None

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> Self:
        named = {name: row[name] for name in cls.model_fields if name not in ("overdue", "promise", "plan", "end")}
        return cls(
            overdue=Money(row["overdue_minor"], row["currency"]),
            promise=row["promise"] or None,
            plan=row["plan"] or None,
            end=row["ended"] or None,
            **named,
        )


class PromiseView(ResponseModel):
    """A promise to pay, and what has come for it."""

    promise_id: str
    amount: MoneyField = Field(examples=[cny("1100.16")])
    due: date = Field(examples=["2026-04-10"])
    made_on: date = Field(examples=["2026-04-04"])
    paid: MoneyField = Field(examples=[cny("0.00")])
    state: PromiseStatus = Field(examples=["OPEN"])

    @classmethod
    def of(cls, promise: Promise) -> Self:
        return cls(
            promise_id=promise.promise_id,
            amount=promise.amount,
            due=promise.due,
            made_on=promise.made_on,
            paid=promise.paid,
            state=promise.status,
        )


class PlanPartEntry(RequestModel):
    """An amount by a date."""

    due: BusinessDate = Field(examples=["2026-04-20"])
    amount: PositiveMoney = Field(examples=[cny("600.16")])


class PlanPartView(ResponseModel):
    """A part of a plan; met when by its date as much had come as all parts until then ask for."""

    due: date = Field(examples=["2026-04-20"])
    amount: MoneyField = Field(examples=[cny("600.16")])
    met: bool = Field(examples=[True])


class PlanView(ResponseModel):
    """A negotiated plan, and what has come for it."""

    plan_id: str
    parts: list[PlanPartView]
    agreed_on: date = Field(examples=["2026-04-04"])
    paid: MoneyField = Field(examples=[cny("600.16")])
    next_due: date | None = Field(examples=["2026-05-20"])
    state: PlanStatus = Field(examples=["OPEN"])

    @classmethod
    def of(cls, plan: Plan) -> Self:
        met = plan.parts_met if plan.status is not PlanStatus.KEPT else len(plan.parts)
        return cls(
            plan_id=plan.plan_id,
            parts=[
                PlanPartView(due=part.due, amount=part.amount, met=number < met)
                for number, part in enumerate(plan.parts)
            ],
            agreed_on=plan.agreed_on,
            paid=plan.paid,
            next_due=plan.next_due if plan.status is PlanStatus.OPEN else None,
            state=plan.status,
        )


class Case(ResponseModel):
    """A collection case: one episode of arrears of one loan. `overdue` is what the ledger last spoke of."""

    case_id: str = Field(examples=[CASE])
    loan_id: str = Field(examples=[LOAN])
    application_id: str = Field(examples=[APPLICATION])
    applicant_id: str = Field(examples=[APPLICANT])
    state: Status = Field(examples=["OPEN"])
    stage: Stage = Field(examples=["EARLY"])
    collector: str = Field(examples=["collector"])
    overdue: MoneyField = Field(examples=[cny("1100.16")])
    days_past_due: int = Field(examples=[1])
    opened_on: date | None = Field(examples=["2026-04-03"])
    promise: PromiseView | None = Field(examples=[None], description="The latest promise to pay.")
    plan: PlanView | None = Field(examples=[None], description="The latest negotiated plan.")
    end: CaseEnd | None = Field(examples=[None])
    closed_on: date | None = Field(examples=[None])

    @classmethod
    def of(cls, state: State) -> Self:
        return cls(
            case_id=state.case_id,
            loan_id=state.loan_id,
            application_id=state.application_id,
            applicant_id=state.applicant_id,
            state=state.status,
            stage=state.stage,
            collector=state.collector,
            overdue=state.overdue,
            days_past_due=state.days_past_due,
            opened_on=state.opened_on,
            promise=PromiseView.of(state.promise) if state.promise else None,
            plan=PlanView.of(state.plan) if state.plan else None,
            end=state.end,
            closed_on=state.closed_on,
        )


class ScriptView(ResponseModel):
    """What a collector says, step by step, and what he never says."""

    script: str = Field(examples=["early v1"])
    listener: Listener = Field(examples=["DEBTOR"])
    channels: list[ContactChannel] = Field(examples=[["TELEPHONE"]])
    steps: list[Named] = Field(
        examples=[[{"zh": "请问您是本人吗？", "en": "Am I speaking to the borrower in person?"}]]
    )
    never: list[Named] = Field(examples=[[{"zh": "不向他人透露债务。", "en": "No word of the debt to anybody else."}]])
    source: str = Field(examples=["Company policy, after GB/T 45251-2025"])
    standing: str = Field(examples=["M"])

    @classmethod
    def of(cls, script: CallScript, steps: Sequence[Mapping[str, str]]) -> Self:
        return cls(
            script=script.label,
            listener=script.listener,
            channels=sorted(script.channels),
            steps=[Named(**step) for step in steps],
            never=[Named(**text) for text in script.never],
            source=script.source,
            standing=script.standing,
        )


class TimelineEntry(ResponseModel):
    """Something that happened in a case: the event's type and data, who acted, on which business date."""

    type: str = Field(examples=["puhui.collections.contact-logged.v1"])
    recorded_at: str = Field(examples=["2026-04-04T02:15:00.000000Z"])
    actor: str = Field(examples=["collector"])
    role: str = Field(examples=["collector"])
    data: dict[str, Any] = Field(examples=[{"case_id": CASE, "channel": "TELEPHONE", "result": "REACHED"}])


class Timeline(ResponseModel):
    """All that happened in a case, its contacts and complaints among it, oldest first."""

    case_id: str = Field(examples=[CASE])
    entries: list[TimelineEntry]


class Assignment(RequestModel):
    """Who is made responsible."""

    collector: Id = Field(examples=["collector-2"])


class StageChange(RequestModel):
    """Where a case is moved, and why."""

    stage: Stage = Field(examples=["MIDDLE"])
    reason: Text = Field(examples=["The debtor does not answer"])


class HandOver(RequestModel):
    """Why a case goes to legal recourse."""

    reason: Text = Field(examples=["No payment for four months, no plan agreed"])


class PlannedContact(RequestModel):
    """A contact as it is meant."""

    channel: ContactChannel = Field(examples=["TELEPHONE"])
    at_local: LocalTime = Field(examples=["2026-04-04T10:15:00"], description="The debtor's own time.")
    number: Annotated[str, Field(pattern=r"^([a-z][a-z0-9-]{0,63})?$")] = Field(
        default="", examples=["mobile-1"], description="The name of the number called, never its digits."
    )
    third_party: bool = Field(default=False, description="Somebody else than the debtor.")
    ground: ThirdPartyGround | None = Field(default=None, description="Why somebody else.")
    hours_agreed: bool = Field(default=False, description="The debtor asked to be contacted at this hour.")

    def intent(self) -> Intent:
        return Intent(
            channel=self.channel,
            at=self.at_local,
            number=self.number,
            third_party=self.third_party,
            ground=self.ground,
            hours_agreed=self.hours_agreed,
        )


class ContactEntry(PlannedContact):
    """A contact that took place."""

    result: ContactResult = Field(examples=["REACHED"])
    note: Text = Field(examples=["Will pay on Friday"])
    automated: bool = Field(default=False, description="A voice robot or an automatic message.")
    debt_disclosed: bool = Field(default=False, description="A third party learned of the debt.")
    recording: Annotated[str, Field(max_length=80, pattern=r"^[A-Za-z0-9._:/-]*$")] = Field(
        default="", examples=["rec-20260404-0001"], description="Reference of the recording."
    )


class Contact(ResponseModel):
    """A contact as it was logged."""

    case_id: str = Field(examples=[CASE])
    contact_id: str = Field(examples=["7d1f0c2e-5b0e-5c1d-9a53-6a5d0b7f0c11"])
    channel: ContactChannel = Field(examples=["TELEPHONE"])
    result: ContactResult = Field(examples=["REACHED"])
    at_local: str = Field(examples=["2026-04-04T10:15:00"])
    number: str = Field(examples=["mobile-1"])
    third_party: bool = Field(examples=[False])
    ground: ThirdPartyGround | None = Field(examples=[None])
    automated: bool = Field(examples=[False])
    hours_agreed: bool = Field(examples=[False])
    collector: str = Field(examples=["collector"])
    note: str = Field(examples=["Will pay on Friday"])
    recording: str = Field(examples=[""])

    @classmethod
    def of(cls, event: ContactLogged) -> Self:
        return cls(**{name: getattr(event, name) for name in cls.model_fields})


class BrokenRule(ResponseModel):
    """A rule that a contact would break, with its source; `next_permitted` is the debtor's own time."""

    code: Code = Field(examples=["quiet-hours"])
    detail: str = Field(examples=["No call between 22:00 and 08:00, local time."])
    rule: str = Field(examples=["quiet_hours"])
    source: str = Field(examples=["GB/T 45251-2025"])
    standing: str = Field(examples=["S"], description="P primary text, S secondary source, D draft, M to be confirmed.")
    next_permitted: datetime | None = Field(examples=["2026-04-05T08:00:00"])

    @classmethod
    def of(cls, breach: Breach) -> Self:
        return cls(
            code=breach.code,
            detail=breach.detail,
            rule=breach.rule.name,
            source=breach.rule.source,
            standing=breach.rule.standing,
            next_permitted=breach.next_permitted,
        )


class Permission(ResponseModel):
    """Whether a contact is permitted. `next_permitted` is null when it is, or when waiting alone does not help."""

    permitted: bool = Field(examples=[False])
    broken: list[BrokenRule]
    next_permitted: datetime | None = Field(examples=["2026-04-05T08:00:00"])
    policy: str = Field(examples=["cn-small-loan-company v1"])


class PromiseEntry(RequestModel):
    """What a debtor promises."""

    amount: PositiveMoney = Field(examples=[cny("1100.16")])
    due: BusinessDate = Field(examples=["2026-04-10"])


class PlanEntry(RequestModel):
    """What borrower and collector agree on, in the order of the dates."""

    parts: Annotated[list[PlanPartEntry], Field(min_length=1, max_length=PARTS_MAX)]


class PlanSummary(ResponseModel):
    """One plan in a list."""

    plan_id: str = Field(examples=["5c1a2b7e-44d0-5b8e-9a5e-0d8f1a6f2c11"])
    case_id: str = Field(examples=[CASE])
    loan_id: str = Field(examples=[LOAN])
    amount: MoneyField = Field(examples=[cny("1100.16")])
    paid: MoneyField = Field(examples=[cny("600.16")], description="What had come when it last went on or ended.")
    parts: int = Field(examples=[2])
    parts_met: int = Field(examples=[1])
    next_due: date | None = Field(examples=["2026-05-20"])
    last_due: date = Field(examples=["2026-05-20"])
    agreed_on: date = Field(examples=["2026-04-04"])
    state: PlanStatus = Field(examples=["OPEN"])
    ended_on: date | None = Field(examples=[None])

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> Self:
        named = {name: row[name] for name in cls.model_fields if name not in ("amount", "paid")}
        return cls(
            amount=Money(row["amount_minor"], row["currency"]), paid=Money(row["paid_minor"], row["currency"]), **named
        )


class PromiseSummary(ResponseModel):
    """One promise in a list."""

    promise_id: str = Field(examples=["1b9e4c7a-0d55-5f0e-8c1e-3b8f0a6f2f51"])
    case_id: str = Field(examples=[CASE])
    loan_id: str = Field(examples=[LOAN])
    amount: MoneyField = Field(examples=[cny("1100.16")])
    paid: MoneyField = Field(examples=[cny("500.00")], description="What had come when it was kept or broken.")
    due: date = Field(examples=["2026-04-10"])
    made_on: date = Field(examples=["2026-04-04"])
    state: PromiseStatus = Field(examples=["BROKEN"])
    ended_on: date | None = Field(examples=["2026-04-11"])

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> Self:
        named = {name: row[name] for name in cls.model_fields if name not in ("amount", "paid")}
        return cls(
            amount=Money(row["amount_minor"], row["currency"]), paid=Money(row["paid_minor"], row["currency"]), **named
        )


class ComplaintEntry(RequestModel):
    """What a debtor complains about."""

    subject: Text = Field(examples=["Calls at work"])


class Resolution(RequestModel):
    """How a complaint was answered."""

    outcome: Text = Field(examples=["Number removed, apology sent"])


class Complaint(ResponseModel):
    """A complaint; while one is open nobody contacts the debtor to collect."""

    complaint_id: str = Field(examples=["2c0d5e8b-1e66-5a1f-9d2f-4c9a1b7a3a62"])
    case_id: str = Field(examples=[CASE])
    subject: str = Field(examples=["Calls at work"])
    received_on: date = Field(examples=["2026-04-05"])
    outcome: str = Field(examples=[""])
    resolved_on: date | None = Field(examples=[None])

    @classmethod
    def of(cls, complaint: conduct.Complaint) -> Self:
        return cls(**{name: getattr(complaint, name) for name in cls.model_fields})


class Reminder(ResponseModel):
    """A reminder that was sent."""

    reminder_id: str = Field(examples=["3d1e6f9c-2f77-5b20-8e30-5d0b2c8b4b73"])
    loan_id: str = Field(examples=[LOAN])
    applicant_id: str = Field(examples=[APPLICANT])
    due: date = Field(examples=["2026-03-02"])
    amount: MoneyField = Field(examples=[cny("1100.16")])
    days_before: int = Field(examples=[3])
    sent_on: date = Field(examples=["2026-02-27"])

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> Self:
        named = {name: row[name] for name in cls.model_fields if name != "amount"}
        return cls(amount=Money(row["amount_minor"], row["currency"]), **named)


class Workload(ResponseModel):
    """What one collector has open. `overdue` is in the currency of the lender."""

    collector: str = Field(examples=["collector"])
    stages: list[Stage] = Field(examples=[["EARLY", "MIDDLE"]])
    open_cases: int = Field(examples=[12])
    overdue: MoneyField = Field(examples=[cny("43100.16")])
    broken_promises: int = Field(examples=[2])


class PolicyRule(ResponseModel):
    """One rule of collection with its source, and how far that source is confirmed."""

    rule: str = Field(examples=["quiet_hours"])
    value: Any = Field(examples=[{"from": "22:00", "to": "08:00", "channels": ["TELEPHONE"]}])
    meaning: str = Field(examples=["No contact from the first time to the second, local time."])
    source: str = Field(examples=["GB/T 45251-2025"])
    standing: str = Field(examples=["S"])


class PolicyDocument(ResponseModel):
    """A version of the rules of collection."""

    name: str = Field(examples=["cn-small-loan-company"])
    version: int = Field(examples=[1])
    effective_from: date = Field(examples=["2020-01-01"])
    rules: list[PolicyRule]

    @classmethod
    def of(cls, document: Rules) -> Self:
        rules = [
            PolicyRule(
                rule=rule.name, value=rule.value, meaning=rule.meaning, source=rule.source, standing=rule.standing
            )
            for rule in document.rules.values()
        ]
        return cls(name=document.name, version=document.version, effective_from=document.effective_from, rules=rules)
