"""The decider of the security for one application: offered, agreed to, valued, perfected, released."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from libs.contracts.approval import (
    GuarantorAssessed,
    SecurityConsented,
    SecurityOffered,
    SecurityPerfected,
    SecurityReinstated,
    SecurityReleased,
    SecurityValued,
)
from libs.contracts.problems import Rejected, refuse_unless
from libs.contracts.values import GuaranteeKind
from libs.lending.money import Money
from services.approval.domain.security_policy import SecurityPolicy
from services.approval.domain.security_state import INITIAL, Event, Item, State, evolve

__all__ = ["INITIAL", "decide", "evolve"]

ITEMS_MAX: Final = 20
PER_THING: Final = (GuaranteeKind.MORTGAGE, GuaranteeKind.PLEDGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferSecurity:
    """Put a security on record. `applicant_id` is the borrower's: nobody answers for himself."""

    offered: SecurityOffered
    applicant_id: str
    policy: SecurityPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessGuarantor:
    application_id: str
    security_id: str
    monthly_income: Money
    monthly_debt_service: Money
    document_sha256: str
    policy: SecurityPolicy
    by: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordConsent:
    consented: SecurityConsented


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueSecurity:
    application_id: str
    security_id: str
    value: Money
    valuer: str
    valued_on: date
    document_sha256: str
    policy: SecurityPolicy
    by: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class PerfectSecurity:
    perfected: SecurityPerfected
    policy: SecurityPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseSecurity:
    """Give one up, by a person; or all of an application (no `security_id`), when nothing is secured any more."""

    application_id: str
    security_id: str = ""
    reason: str
    by: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ReinstateSecurity:
    """What was released for this reason, and by nobody, stands after all."""

    application_id: str
    released_for: str
    reason: str
    today: date


Command = (
    OfferSecurity
    | AssessGuarantor
    | RecordConsent
    | ValueSecurity
    | PerfectSecurity
    | ReleaseSecurity
    | ReinstateSecurity
)


def decide(command: Command, state: State) -> Sequence[Event]:
    """The events that follow; raises `Rejected`."""
    match command:
        case OfferSecurity():
            return [_offer(command, state)]
        case AssessGuarantor():
            return [_assess(command, state)]
        case RecordConsent():
            item = _standing(state, command.consented.security_id)
            refuse_unless(item.consented is None, "consent-recorded", "The consent to this security is on record.")
            _not_future(command.consented.signed_on, command.consented.recorded_on, "/signed_on")
            refuse_unless(
                item.is_surety or not command.consented.credit_report_text,
                "only-for-surety",
                "Who gives a thing or right is not asked about; leave it out.",
                field="/credit_report_text",
                status=422,
            )
            return [command.consented]
        case ValueSecurity():
            return [_value(command, state)]
        case PerfectSecurity():
            return [_perfect(command, state)]
        case ReleaseSecurity():
            return _release(command, state)
        case ReinstateSecurity():
            return _reinstate(command, state)


def _offer(command: OfferSecurity, state: State) -> SecurityOffered:
    offered = command.offered
    _in_currency(offered.amount_max, command.policy, "/amount_max")
    refuse_unless(
        offered.kind is not GuaranteeKind.UNSECURED,
        "security-kind",
        "Send SURETY, MORTGAGE or PLEDGE.",
        field="/kind",
        status=422,
    )
    refuse_unless(len(state.items) < ITEMS_MAX, "too-many-securities", f"An application has at most {ITEMS_MAX}.")
    asset_class = command.policy.classes.get(offered.asset_class)
    if offered.kind is GuaranteeKind.SURETY:
        refuse_unless(
            offered.provider_id != command.applicant_id,
            "guarantor-is-borrower",
            "Nobody answers for his own debt; name somebody else as guarantor.",
            field="/provider_id",
            status=422,
        )
        fits = not offered.asset_class
    else:
        fits = asset_class is not None and asset_class.kind is offered.kind
    if not fits:
        known = [each.code for each in command.policy.classes.values() if each.kind is offered.kind]
        detail = f"Send one of {', '.join(known)}." if known else "A surety has no class of asset; send an empty one."
        raise Rejected("asset-class-unknown", detail, field="/asset_class", status=422)
    return offered


def _standing(state: State, security_id: str) -> Item:
    item = state.items.get(security_id)
    if item is None:
        raise Rejected("security-not-found", "No such security is on record for this application.", status=404)
    refuse_unless(item.released is None, "security-released", "This security was released; put a new one on record.")
    return item


def _in_currency(amount: Money | None, policy: SecurityPolicy, pointer: str) -> None:
    refuse_unless(
        amount is None or amount.currency == policy.currency,
        "security-currency",
        f"Send an amount in {policy.currency}.",
        field=pointer,
        status=422,
    )


def _not_future(day: date, today: date, pointer: str) -> None:
    refuse_unless(day <= today, "date-in-future", "Send a date that is not after today.", field=pointer, status=422)


def _thing(state: State, security_id: str) -> Item:
    item = _standing(state, security_id)
    refuse_unless(
        item.offered.kind in PER_THING, "not-for-surety", "A guarantor is assessed; a thing or right is valued."
    )
    return item


def _assess(command: AssessGuarantor, state: State) -> GuarantorAssessed:
    item = _standing(state, command.security_id)
    refuse_unless(item.is_surety, "only-for-surety", "A thing or right is valued; a guarantor is assessed.")
    _in_currency(command.monthly_income, command.policy, "/monthly_income")
    _in_currency(command.monthly_debt_service, command.policy, "/monthly_debt_service")
    return GuarantorAssessed(
        application_id=command.application_id,
        security_id=command.security_id,
        monthly_income=command.monthly_income,
        monthly_debt_service=command.monthly_debt_service,
        capacity=command.policy.capacity(command.monthly_income, command.monthly_debt_service),
        document_sha256=command.document_sha256,
        policy_version=command.policy.version,
        assessed_by=command.by,
        assessed_on=command.today,
    )


def _value(command: ValueSecurity, state: State) -> SecurityValued:
    item = _thing(state, command.security_id)
    _in_currency(command.value, command.policy, "/value")
    _not_future(command.valued_on, command.today, "/valued_on")
    asset_class = command.policy.classes.get(item.offered.asset_class)
    if asset_class is None:
        raise Rejected("asset-class-unknown", f"{item.offered.asset_class} is not accepted as security any more.")
    return SecurityValued(
        application_id=command.application_id,
        security_id=command.security_id,
        value=command.value,
        haircut_bps=asset_class.haircut_bps,
        lending_value=asset_class.lending_value(command.value),
        valuer=command.valuer,
        valued_on=command.valued_on,
        document_sha256=command.document_sha256,
        policy_version=command.policy.version,
        recorded_by=command.by,
        recorded_on=command.today,
    )


def _perfect(command: PerfectSecurity, state: State) -> SecurityPerfected:
    perfected = command.perfected
    item = _thing(state, perfected.security_id)
    _not_future(perfected.perfected_on, perfected.recorded_on, "/perfected_on")
    refuse_unless(item.perfected is None, "perfected-already", "It is on record how this security was perfected.")
    asset_class = command.policy.classes.get(item.offered.asset_class)
    wanted = asset_class.perfected_by.value.lower() if asset_class is not None else perfected.by
    refuse_unless(
        perfected.by == wanted,
        "perfection-differs",
        f"A security of this class is perfected by {wanted}.",
        field="/by",
        status=422,
    )
    return perfected


def _release(command: ReleaseSecurity, state: State) -> Sequence[Event]:
    if command.security_id:
        items = [_standing(state, command.security_id)]
        refuse_unless(
            items[0].offered.offered_by != command.by,
            "second-person-needed",
            "Somebody else than who put a security on record gives it up.",
            status=403,
        )
    else:
        items = [item for item in state.items.values() if item.released is None]
    return [
        SecurityReleased(
            application_id=command.application_id,
            security_id=item.offered.security_id,
            provider_id=item.offered.provider_id,
            reason=command.reason,
            released_by=command.by,
            released_on=command.today,
        )
        for item in items
    ]


def _reinstate(command: ReinstateSecurity, state: State) -> Sequence[Event]:
    return [
        SecurityReinstated(
            application_id=command.application_id,
            security_id=item.offered.security_id,
            kind=item.offered.kind,
            provider_id=item.offered.provider_id,
            consented_on=item.consented.signed_on if item.consented else None,
            credit_report_text=item.consented.credit_report_text if item.consented else "",
            reason=command.reason,
            reinstated_on=command.today,
        )
        for item in state.items.values()
        if item.released is not None and item.released.reason == command.released_for
    ]
