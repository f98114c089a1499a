"""Whether a debtor, or somebody near him, may be contacted now: hours, frequency, third parties, complaints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from libs.contracts.collections import ContactChannel, ContactResult, Stage, ThirdPartyGround
from libs.contracts.problems import Rejected
from services.collections.domain.policy import Policy
from services.collections.domain.rules import Rule


@dataclass(frozen=True, slots=True)
class Attempt:
    """A contact that took place, as far as later ones depend on it."""

    at: datetime
    channel: ContactChannel
    number: str
    result: ContactResult
    third_party: bool

    @property
    def effective(self) -> bool:
        """A call in which the debtor himself was on the line."""
        answered = self.result in (ContactResult.REACHED, ContactResult.REFUSED)
        return self.channel is ContactChannel.TELEPHONE and answered and not self.third_party

    @property
    def unanswered(self) -> bool:
        return self.channel is ContactChannel.TELEPHONE and self.result is ContactResult.NOT_REACHED


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A contact as it is meant: when (local time of the debtor, without offset), how, whom."""

    channel: ContactChannel
    at: datetime
    number: str = ""
    third_party: bool = False
    ground: ThirdPartyGround | None = None
    hours_agreed: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """What is known of a debtor's contacts when the next one is considered."""

    attempts: tuple[Attempt, ...] = ()
    unreached: int = 0
    """Attempts in a row without reaching the debtor."""
    refused_numbers: frozenset[str] = frozenset()
    complaint_open: bool = False


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that a contact would break. `next_permitted` is the local time from which it breaks this rule no more;
    None when waiting does not help."""

    code: str
    detail: str
    rule: Rule
    field: str | None = None
    next_permitted: datetime | None = None

    def refusal(self) -> Rejected:
        extra = {"basis": self.rule.as_json()}
        if self.next_permitted is None:
            return Rejected(self.code, self.detail, field=self.field, status=409, **extra)
        permitted = self.next_permitted.isoformat(timespec="seconds")
        return Rejected(self.code, self.detail, field=self.field, status=409, next_permitted=permitted, **extra)


def breaches(intent: Intent, stage: Stage, history: History, policy: Policy) -> list[Breach]:
    """Every rule that the contact would break; none when it is permitted."""
    return [
        *_complaint(history, policy),
        *_channel(intent, stage, policy),
        *_hours(intent, policy),
        *_frequency(intent, history, policy),
        *_third_party(intent, history, policy),
    ]


def next_permitted(found: list[Breach]) -> datetime | None:
    """The local time from which the contact is permitted; None when waiting alone does not make it so."""
    times = [breach.next_permitted for breach in found]
    known = [at for at in times if at is not None]
    return max(known) if known and len(known) == len(times) else None


def _complaint(history: History, policy: Policy) -> Iterator[Breach]:
    if history.complaint_open and policy.complaint_stops_contact:
        yield Breach(
            "complaint-open",
            "A complaint of the debtor is open: nobody is contacted to collect until it is resolved.",
            policy.rules["complaint_stops_contact"],
        )


def _channel(intent: Intent, stage: Stage, policy: Policy) -> Iterator[Breach]:
    if intent.channel not in policy.channels[stage]:
        admitted = ", ".join(sorted(policy.channels[stage]))
        yield Breach(
            "channel-not-of-stage",
            f"At stage {stage} use {admitted}.",
            policy.rules["channels"],
            "/channel",
        )


def _hours(intent: Intent, policy: Policy) -> Iterator[Breach]:
    quiet = policy.quiet_hours
    if intent.hours_agreed or intent.channel not in quiet.channels or not quiet.cover(intent.at.time()):
        return
    yield Breach(
        "quiet-hours",
        f"No contact from {quiet.start:%H:%M} to {quiet.end:%H:%M} local time unless the debtor agreed to the hour.",
        policy.rules["quiet_hours"],
        "/at_local",
        _after_quiet(intent.at, quiet.end),
    )


def _after_quiet(at: datetime, end: time) -> datetime:
    """When the quiet hours in which `at` falls are over."""
    day = at.date() if at.time() < end else at.date() + timedelta(days=1)
    return datetime.combine(day, end)


def _frequency(intent: Intent, history: History, policy: Policy) -> Iterator[Breach]:
    if intent.channel is not ContactChannel.TELEPHONE:
        return
    today = [attempt for attempt in history.attempts if attempt.at.date() == intent.at.date()]
    tomorrow = _next_day(intent.at.date(), policy)
    if sum(attempt.effective for attempt in today) >= policy.effective_calls_per_day and not intent.third_party:
        yield Breach(
            "daily-calls-exhausted",
            f"The debtor was reached {policy.effective_calls_per_day} times that day, which is as often as permitted.",
            policy.rules["effective_calls_per_day"],
            "/at_local",
            tomorrow,
        )
    dialled = sum(attempt.unanswered and attempt.number == intent.number for attempt in today)
    if dialled >= policy.dial_attempts_per_number_per_day:
        yield Breach(
            "dial-attempts-exhausted",
            f"This number was called {policy.dial_attempts_per_number_per_day} times that day without an answer.",
            policy.rules["dial_attempts_per_number_per_day"],
            "/number",
            tomorrow,
        )


def _next_day(day: date, policy: Policy) -> datetime:
    """The first moment of the next day at which a call is permitted."""
    midnight = datetime.combine(day + timedelta(days=1), time())
    quiet = policy.quiet_hours
    return datetime.combine(midnight.date(), quiet.end) if quiet.cover(midnight.time()) else midnight


def _third_party(intent: Intent, history: History, policy: Policy) -> Iterator[Breach]:
    if not intent.third_party:
        return
    rule = policy.rules["third_party_contact"]
    if intent.number in history.refused_numbers:
        detail = "This person refused to be contacted; do not contact this number again."
        yield Breach("third-party-refused", detail, rule, "/number")
    if intent.ground not in policy.third_party_grounds:
        choices = ", ".join(sorted(policy.third_party_grounds))
        yield Breach("third-party-ground", f"Somebody else is contacted only on a ground: {choices}.", rule, "/ground")
    unreached = history.unreached >= policy.third_party_attempts_before
    if intent.ground is ThirdPartyGround.UNREACHABLE and not unreached:
        yield Breach(
            "debtor-reachable",
            f"Try the debtor himself first: {policy.third_party_attempts_before} attempts in a row without reaching "
            f"him, {history.unreached} so far.",
            rule,
            "/ground",
        )
