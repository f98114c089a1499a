"""What a declined applicant is told: the main reasons and his rights, in both languages (PIPL 24)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from libs.contracts.values import Named, Reason
from services.approval.domain.casework_policy import CaseworkPolicy
from services.approval.domain.state import State


def review_until(state: State, policy: CaseworkPolicy) -> date | None:
    """The last day on which a review by a person can be asked for; None where people have decided."""
    if state.decided_on is None or state.decided_by:
        return None
    return state.decided_on + timedelta(days=policy.review.request_days)


def letter(state: State, policy: CaseworkPolicy) -> Named:
    """The whole text. `state` is that of a declined application."""
    return Named(zh="\n".join(_lines(state, policy, "zh")), en="\n".join(_lines(state, policy, "en")))


def _lines(state: State, policy: CaseworkPolicy, language: str) -> Iterator[str]:
    notice, until = policy.notice, review_until(state, policy)
    assert state.decided_on is not None, "a decline has a date"
    places = {
        "application_id": state.application_id,
        "declined_on": state.decided_on.isoformat(),
        "review_until": until.isoformat() if until is not None else "",
    }
    yield getattr(notice.title, language)
    yield getattr(notice.intro, language).format_map(places)
    for number, reason in enumerate(main_reasons(state, policy), 1):
        yield f"{number}. {getattr(reason.text, language)}"
    rights = notice.automatic if until is not None else notice.by_people
    yield getattr(rights, language).format_map(places)


def main_reasons(state: State, policy: CaseworkPolicy) -> tuple[Reason, ...]:
    return state.reasons[: policy.notice.reasons_max]
