"""The decider of an agreement with a partner: versions that two people approve, until notice is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, TypeAlias

from libs.contracts.partners import SHARE_PARTS, AgreementApproved, AgreementEnded, AgreementProposed, FundingTerms
from libs.contracts.problems import Rejected, refuse_unless

CURRENCY: Final = "CNY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """What rules of law leave open for shares, in millionths; the document says where they stand."""

    regime: str
    effective_from: date
    own_share_min_ppm: int
    partner_share_min_ppm: int
    source: str
    standing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeAgreement:
    """`regimes`: those that there are on the day from which the version is to be in force."""

    agreement: str
    partner: str
    terms: FundingTerms
    effective_from: date
    regimes: Sequence[Regime]
    by: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveAgreement:
    """`version` is the one that was read before it is approved."""

    version: int
    by: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class EndAgreement:
    last_day: date
    reason: str
    by: str
    today: date


@dataclass(frozen=True, slots=True)
class Agreement:
    """The versions that were approved, the one that waits for approval, and the notice."""

    proposed: AgreementProposed | None = None
    approved: tuple[AgreementApproved, ...] = ()
    ended: AgreementEnded | None = None

    @property
    def partner(self) -> str:
        latest = self.proposed or (self.approved[-1] if self.approved else None)
        return latest.partner if latest else ""


Command: TypeAlias = ProposeAgreement | ApproveAgreement | EndAgreement
Event: TypeAlias = AgreementProposed | AgreementApproved | AgreementEnded
INITIAL: Final = Agreement()


def decide(command: Command, state: Agreement) -> Sequence[Event]:
    match command:
        case ProposeAgreement():
            return [_proposed(command, state)]
        case ApproveAgreement():
            return [_approved(command, state)]
        case EndAgreement():
            return [_ended(command, state)]


def evolve(state: Agreement, event: Event) -> Agreement:
    match event:
        case AgreementProposed():
            return replace(state, proposed=event)
        case AgreementApproved():
            return replace(state, proposed=None, approved=(*state.approved, event))
        case AgreementEnded():
            return replace(state, ended=event)


def _proposed(command: ProposeAgreement, state: Agreement) -> AgreementProposed:
    refuse_unless(state.ended is None, "agreement-ended", "This agreement was given notice; make another one.")
    refuse_unless(
        state.partner in ("", command.partner),
        "agreement-of-another",
        "An agreement by this code is with another partner; choose another code.",
        field="/partner",
    )
    _refuse_past(command.effective_from, command.today)
    regime = next((each for each in command.regimes if each.regime == command.terms.regime), None)
    if regime is None:
        there = ", ".join(each.regime for each in command.regimes) or "none"
        raise Rejected(
            "regime-unknown", f"Name a regime that is in force then: {there}.", field="/terms/regime", status=422
        )
    for number, rule in enumerate(command.terms.rules):
        _refuse_share(rule.share_ppm, regime, f"/terms/rules/{number}/share_ppm")
    for name, cap in command.terms.caps:
        refuse_unless(
            cap is None or cap.currency == CURRENCY,
            "wrong-currency",
            f"Loans are in {CURRENCY}; name caps in it.",
            field=f"/terms/caps/{name}/currency",
            status=422,
        )
    return AgreementProposed(
        agreement=command.agreement,
        version=len(state.approved) + 1,
        partner=command.partner,
        terms=command.terms,
        effective_from=command.effective_from,
        proposed_by=command.by,
        proposed_on=command.today,
    )


def _refuse_past(effective_from: date, today: date) -> None:
    refuse_unless(
        effective_from >= today,
        "agreement-date-passed",
        f"Name a date from {today.isoformat()} on, the business date: what was decided stands.",
        field="/effective_from",
        status=422,
    )


def _refuse_share(share_ppm: int, regime: Regime, field: str) -> None:
    most = min(SHARE_PARTS - 1, SHARE_PARTS - regime.own_share_min_ppm)
    refuse_unless(
        regime.partner_share_min_ppm <= share_ppm <= most,
        "share-outside-regime",
        f"{regime.regime} admits a partner's share of {regime.partner_share_min_ppm} to {most} millionths "
        f"({regime.source}).",
        field=field,
        status=422,
    )


def _approved(command: ApproveAgreement, state: Agreement) -> AgreementApproved:
    proposed = state.proposed
    if proposed is None:
        raise Rejected("nothing-proposed", "No version of this agreement waits for approval.", status=409)
    refuse_unless(
        command.version == proposed.version,
        "version-not-proposed",
        f"Version {proposed.version} waits for approval; read it before you approve it.",
        field="/version",
    )
    refuse_unless(
        command.by != proposed.proposed_by, "four-eyes", "Another person than who proposed it approves it.", status=403
    )
    refuse_unless(state.ended is None, "agreement-ended", "This agreement was given notice; make another one.")
    refuse_unless(
        proposed.effective_from >= command.today,
        "agreement-date-passed",
        f"It was to be in force from {proposed.effective_from.isoformat()}, which has passed; propose it anew.",
    )
    return AgreementApproved(
        agreement=proposed.agreement,
        version=proposed.version,
        partner=proposed.partner,
        terms=proposed.terms,
        effective_from=proposed.effective_from,
        proposed_by=proposed.proposed_by,
        approved_by=command.by,
        approved_on=command.today,
    )


def _ended(command: EndAgreement, state: Agreement) -> AgreementEnded:
    if not state.approved:
        raise Rejected("agreement-not-found", "There is no approved agreement by this code.", status=404)
    refuse_unless(state.ended is None, "agreement-ended", "Notice was given already.")
    latest = state.approved[-1]
    earliest = command.today + timedelta(latest.terms.notice_days)
    refuse_unless(
        command.last_day >= earliest,
        "notice-too-short",
        f"Notice is {latest.terms.notice_days} days: name {earliest.isoformat()} or later.",
        field="/last_day",
        status=422,
    )
    return AgreementEnded(
        agreement=latest.agreement,
        partner=latest.partner,
        versions=latest.version,
        last_day=command.last_day,
        reason=command.reason,
        ended_by=command.by,
        ended_on=command.today,
    )
