"""The decider: a person or an enterprise is registered once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from libs.contracts.application import ApplicantRegistered
from libs.contracts.problems import Rejected, refuse_unless
from libs.contracts.values import ApplicantKind
from services.application.domain.identity import credit_code, resident_identity

MOBILE_FORM: Final = re.compile(r"1[3-9][0-9]{9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterPerson:
    """Register a person under the identifier that follows from the identity number."""

    applicant_id: str
    name: str
    identity_number: str
    mobile: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterEnterprise:
    """Register an enterprise under the identifier that follows from its unified social credit code."""

    applicant_id: str
    name: str
    identity_number: str
    mobile: str
    legal_representative: str
    today: date


Command = RegisterPerson | RegisterEnterprise
State = ApplicantRegistered | None
INITIAL: Final[State] = None


def decide(command: Command, state: State) -> Sequence[ApplicantRegistered]:
    """One event for a new applicant, none for the same particulars again; `Rejected` for other particulars."""
    registered = _registered(command)
    if state is None:
        return [registered]
    if registered.model_copy(update={"registered_on": state.registered_on}) != state:
        # Which of them differ is not told: who knows a number must not learn the name that belongs to it.
        raise Rejected(
            "applicant-particulars-differ",
            "This identity number is registered with other particulars. Compare what you sent with the document; if "
            "it is right, ask a loan officer to settle which holds.",
        )
    return []


def evolve(_state: State, event: ApplicantRegistered) -> State:
    return event


def _registered(command: Command) -> ApplicantRegistered:
    refuse_unless(
        MOBILE_FORM.fullmatch(command.mobile) is not None,
        "mobile-form",
        "Send a mainland mobile number: 11 digits, the first 1 and the second 3 to 9.",
        field="/mobile",
        status=422,
    )
    match command:
        case RegisterPerson():
            identity = resident_identity(command.identity_number, command.today)
            return ApplicantRegistered(
                applicant_id=command.applicant_id,
                kind=ApplicantKind.PERSON,
                name=command.name,
                identity_number=identity.number,
                mobile=command.mobile,
                birth_date=identity.birth_date,
                region=identity.region,
                registered_on=command.today,
            )
        case RegisterEnterprise():
            code = credit_code(command.identity_number)
            return ApplicantRegistered(
                applicant_id=command.applicant_id,
                kind=ApplicantKind.ENTERPRISE,
                name=command.name,
                identity_number=code.number,
                mobile=command.mobile,
                legal_representative=command.legal_representative,
                region=code.region,
                registered_on=command.today,
            )


def age_on(birth_date: date, day: date) -> int:
    """Full years of life; a child of 29 February comes of age on 1 March of a common year."""
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))
