"""The decider of a partner: a lender is registered once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from libs.contracts.partners import OWN, PartnerRegistered
from libs.contracts.problems import refuse_unless
from libs.contracts.values import Named


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterPartner:
    partner: str
    legal_name: Named
    licence: str
    subject: str
    by: str
    today: date


@dataclass(frozen=True, slots=True)
class Partner:
    registered: PartnerRegistered | None = None


INITIAL: Final = Partner()


def decide(command: RegisterPartner, state: Partner) -> Sequence[PartnerRegistered]:
    refuse_unless(
        state.registered is None, "partner-exists", "A partner has this code; choose another.", field="/partner"
    )
    refuse_unless(
        command.partner != OWN, "partner-code", "This code is ourselves; choose another.", field="/partner", status=422
    )
    return [
        PartnerRegistered(
            partner=command.partner,
            legal_name=command.legal_name,
            licence=command.licence,
            subject=command.subject,
            registered_by=command.by,
            registered_on=command.today,
        )
    ]


def evolve(_state: Partner, event: PartnerRegistered) -> Partner:
    return Partner(event)
