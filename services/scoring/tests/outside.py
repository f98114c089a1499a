"""The service beside a bureau and a registry, and what it hears of applicants, loans and days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from importlib import import_module
from itertools import count
from typing import Any

from data.german_credit import applicants
from libs.contracts.application import ApplicantRegistered, ApplicationSubmitted, ConsentGiven, ConsentPurpose
from libs.contracts.approval import SecurityConsented, SecurityOffered
from libs.contracts.ledger import BusinessDayOpened, LoanDisbursed
from libs.contracts.scoring import RefreshRequested
from libs.lending.money import Money
from libs.service.testing import Served
from services.scoring.tests.requests import request

# The world outside, which no service knows: the simulated sources, as applications beside this one.
simulated, faults = import_module("services.sources.app"), import_module("services.sources.faults")
Behaviour = faults.Behaviour
ON = date(2026, 2, 2)
FIRST = next(applicants())
FAULTS = faults.Faults(worsens=3000, no_hit=1000, conflicting=1000, down=1000, broken_once=1000, stale=1000)
SEED = 7
SURETY_TEXT = "surety-2027-01"
"""In which a guarantor agrees to be asked about."""
EVERY = timedelta(days=90)
"""How often is asked about a loan of CNY 200,000."""


def number_of(behaviour: Any) -> str:
    """The first number about which the bureau behaves so."""
    numbers = (f"11010519900101{each:04d}" for each in count())
    return next(number for number in numbers if faults.behaviour_of(SEED, FAULTS, number) is behaviour)


@dataclass
class Outside:
    scoring: Served
    asked: Any
    """Questions by authority, as the bureau counts them."""

    async def lends(
        self, name: str, behaviour: Any, *, consent: str = "2026-01", on: date = ON, **changes: Any
    ) -> None:
        """An applicant applies, is assessed, and on a date is paid a loan of CNY 200,000."""
        await self.registers(name, behaviour)
        await self.scoring.settle()
        amount = await self.applies(name, consent=consent, **changes)
        await self.scoring.settle()
        await self.scoring.publish(f"loan-{name}", loan(LoanDisbursed, name, amount=amount, value_date=on))
        await self.scoring.settle()

    async def registers(self, name: str, behaviour: Any, **changes: Any) -> None:
        registered = ApplicantRegistered.example | {
            "applicant_id": f"applicant-{name}",
            "identity_number": number_of(behaviour),
            **changes,
        }
        await self.scoring.publish(f"applicant-{name}", ApplicantRegistered.model_validate(registered))

    async def applies(self, name: str, *, consent: str = "2026-01", **changes: Any) -> Money:
        """For how much."""
        scoring = self.scoring
        asked = request(FIRST, **{"amount": Money.of("200000.00"), "applicant_id": f"applicant-{name}", **changes})
        if consent:
            given = ConsentGiven(
                application_id=f"application-{name}",
                purpose=ConsentPurpose.CREDIT_REPORT,
                text_version=consent,
                given_on=ON,
            )
            await scoring.publish(f"application-{name}", given)
        submitted = ApplicationSubmitted(
            application_id=f"application-{name}",
            request=asked,
            consents=tuple(ConsentPurpose),
            documents=(),
            submitted_on=ON,
        )
        await scoring.publish(f"application-{name}", submitted)
        return asked.amount

    async def offers(self, name: str, by: str, kind: str = "SURETY", security_id: str = "security-1") -> None:
        """Somebody offers to answer for the loan of an application, or gives a thing for it."""
        given = {
            "kind": kind,
            "provider_id": f"applicant-{by}",
            "asset_class": "" if kind == "SURETY" else "receivables",
        }
        await self.secures(SecurityOffered, name, security_id, **given)

    async def agrees(
        self,
        name: str,
        on: date,
        text: str = SURETY_TEXT,
        security_id: str = "security-1",
        signed_on: date | None = None,
    ) -> None:
        dated = {"signed_on": signed_on or on, "recorded_on": on, "credit_report_text": text}
        await self.secures(SecurityConsented, name, security_id, **dated)

    async def secures(self, event: Any, name: str, security_id: str = "security-1", **values: Any) -> None:
        known = {"application_id": f"application-{name}", "security_id": security_id}
        await self.scoring.publish(f"security-{name}", event.model_validate(event.example | known | values))

    async def answers(
        self, by: str, name: str, on: date, text: str = SURETY_TEXT, signed_on: date | None = None
    ) -> None:
        """A guarantor, registered or not, who agreed to answer for the loan of an application."""
        await self.offers(name, by, security_id=f"security-{by}")
        await self.agrees(name, on, text, f"security-{by}", signed_on)
        await self.scoring.settle()

    async def opens(self, day: date) -> None:
        opened = BusinessDayOpened.model_validate(BusinessDayOpened.example | {"business_date": day})
        await self.scoring.publish("businessday-cn", opened)
        await self.scoring.settle()

    async def came(self, name: str) -> list[Any]:
        return await self.scoring.events(f"refresh-applicant-{name}")

    async def last(self, name: str) -> list[Any]:
        """What was asked about him last, and what came of it."""
        told = await self.came(name)
        return told[max(place for place, each in enumerate(told) if isinstance(each, RefreshRequested)) :]

    async def asked_on(self, name: str) -> list[date]:
        return [each.requested_on for each in await self.came(name) if isinstance(each, RefreshRequested)]


def loan(event: Any, name: str, **values: Any) -> Any:
    known = {"loan_id": f"loan-{name}", "application_id": f"application-{name}", "applicant_id": f"applicant-{name}"}
    return event.model_validate(
        event.example | {each: known[each] for each in known.keys() & event.model_fields.keys()} | values
    )
