"""Whether the platform kept its promises, worked out from effects: stores, topics, the bank's record, read models.

Nothing here looks at a consumer's position. Each verdict says what was compared and how much of it there was, so that
one that had nothing to look at is seen.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from standalone.services import SERVICES
from tests.faults.facts import Facts
from tests.integration.running import BankRecord

SHOWN: Final = 5
FOLLOWS: Final = (
    ("application", "application-submitted", "scoring", ("application-scored", "scoring-failed"), "application_id"),
    (
        "scoring",
        "application-scored",
        "approval",
        ("application-approved", "application-declined", "application-referred"),
        "application_id",
    ),
    ("approval", "application-approved", "contract", ("contract-offered",), "application_id"),
    ("contract", "contract-signed", "ledger", ("loan-booked", "booking-refused"), "application_id"),
)
"""What must follow once, and only once, from each event of a kind: in which service, and by which identifier."""
OF_OTHER_VERDICTS: Final = frozenset({"collections", "audit", "partners"})
"""Judged by what they keep: cases and the archive, and with no loan shared, nothing."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One promise. `counted` is how much was looked at; `wrong` names what broke it."""

    promise: str
    counted: int
    wrong: Sequence[str] = ()

    @property
    def kept(self) -> bool:
        return self.counted > 0 and not self.wrong


def of_streams(all_facts: Mapping[str, Facts]) -> Verdict:
    """Every stream's versions are contiguous, and the sequence is contiguous and agrees with every stream."""
    wrong = []
    for name, facts in all_facts.items():
        sequence = [event.sequence for event in facts.events]
        if sequence != list(range(1, len(sequence) + 1)):
            wrong.append(f"{name}: the sequence is not 1 to {len(sequence)}")
        reached: Counter[str] = Counter()
        for event in facts.events:
            reached[event.stream_id] += 1
            if event.version != reached[event.stream_id]:
                wrong.append(
                    f"{name}: {event.stream_id} version {event.version} came as number {reached[event.stream_id]}"
                )
        wrong += [
            f"{name}: {stream} is at {version}, has {reached[stream]} events"
            for stream, version in facts.streams.items()
            if reached[stream] != version
        ]
    return Verdict("streams and sequences are contiguous and agree", _total(all_facts), wrong)


def of_archive(all_facts: Mapping[str, Facts]) -> Verdict:
    """The audit, which hears everything, holds every event of every other service once, byte for byte."""
    archived = Counter((event.event_id, event.leaf) for event in all_facts["audit"].events)
    published = Counter(
        (event.event_id, event.leaf) for name, facts in all_facts.items() if name != "audit" for event in facts.events
    )
    own = Counter((event.event_id, event.leaf) for event in all_facts["audit"].of(*_kinds(all_facts["audit"])))
    wrong = [f"event {key[0]} is missing in the audit" for key in published - archived]
    wrong += [f"event {key[0]} is in the audit and nowhere else, or twice" for key in archived - published - own]
    return Verdict("every event reached the audit once, byte for byte", published.total(), wrong)


def of_followers(all_facts: Mapping[str, Facts]) -> Verdict:
    """What must follow from an event followed once."""
    wrong, counted = [], 0
    for service, kind, other, kinds, identifier in FOLLOWS:
        causes = [event.data[identifier] for event in all_facts[service].of(kind)]
        effects = Counter(event.data[identifier] for event in all_facts[other].of(*kinds))
        counted += len(causes)
        wrong += [
            f"{kind} of {cause}: {effects[cause]} times {' or '.join(kinds)}" for cause in causes if effects[cause] != 1
        ]
        wrong += [f"{other}: {' or '.join(kinds)} of {key} without {kind}" for key in effects.keys() - set(causes)]
    return Verdict("what follows from an event in another service followed once", counted, wrong)


def of_acknowledged(ledger: Facts, acknowledged: Mapping[str, Sequence[int]]) -> Verdict:
    """Every repayment that a front end was told of is there, once, and no other."""
    booked: defaultdict[str, list[int]] = defaultdict(list)
    for event in ledger.of("repayment-received"):
        booked[event.data["loan_id"]].append(_fen(event.data["amount"]))
    wrong = [
        f"loan {loan_id}: acknowledged {acknowledged.get(loan_id, [])}, booked {sorted(booked[loan_id])}"
        for loan_id in sorted(booked.keys() | acknowledged.keys())
        if sorted(acknowledged.get(loan_id, [])) != sorted(booked[loan_id])
    ]
    return Verdict("every acknowledged repayment is booked once", sum(map(len, acknowledged.values())), wrong)


def of_bank(ledger: Facts, bank: BankRecord) -> Verdict:
    """No loan was paid twice, and what the bank moved is what the ledger disbursed."""
    wrong = [f"{row['purpose']} was paid {row['times']} times" for row in bank.paid_more_than_once()]
    disbursed = {f"loan-{event.data['loan_id']}": _fen(event.data["amount"]) for event in ledger.of("loan-disbursed")}
    moved = bank.moved()
    wrong += [
        f"{purpose}: the bank moved {moved.get(purpose, 0)} fen, the ledger disbursed {disbursed.get(purpose, 0)}"
        for purpose in sorted(moved.keys() | disbursed.keys())
        if moved.get(purpose) != disbursed.get(purpose)
    ]
    twice = Counter(event.data["loan_id"] for event in ledger.of("loan-disbursed"))
    wrong += [
        f"loan {loan_id} is disbursed {times} times in the ledger" for loan_id, times in twice.items() if times > 1
    ]
    return Verdict("the bank moved each payout once, and the ledger says the same", len(moved), wrong)


def of_sums(ledger: Facts, statistics: Mapping[str, Any]) -> Verdict:
    """Counters of a read model, which a doubled event would move twice, against the ledger's events."""
    received = [_fen(event.data["amount"]) for event in ledger.of("repayment-received")]
    back = [_fen(event.data["amount"]) for event in ledger.of("repayment-reversed")]
    told = statistics["sums"]
    expected = {"repayments": len(received), "repaid": f"{_yuan(sum(received) - sum(back))}"}
    wrong = [
        f"{name}: {told.get(name)} instead of {value}" for name, value in expected.items() if told.get(name) != value
    ]
    return Verdict("sums of the audit's read model are those of the ledger's events", len(received), wrong)


def of_read_models(verified: Mapping[str, Sequence[Mapping[str, Any]]]) -> Verdict:
    """Every read model equals its replay from the first event on, row by row."""
    wrong = [
        f"{name} {model['read_model']}: {model['differing_rows']} rows differ, such as {model['differences'][:1]}"
        for name, models in verified.items()
        for model in models
        if not model["equal"]
    ]
    return Verdict("every read model equals its replay", sum(len(models) for models in verified.values()), wrong)


def of_books(trial: Mapping[str, Any]) -> Verdict:
    wrong = [f"the trial balance is {amount} {name}" for name, amount in trial["total"].items() if amount != "0.00"]
    return Verdict("the ledger balances", len(trial["accounts"]), wrong)


def of_topics(all_facts: Mapping[str, Facts], topics: Mapping[str, Sequence[str]]) -> Verdict:
    """Every event is in its topic; `topics` has the identifiers of all records, those that came twice included."""
    wrong, counted = [], 0
    for name, facts in all_facts.items():
        published = {event.event_id for event in facts.of(*_kinds(facts))}
        counted += len(published)
        missing = published - set(topics[name])
        wrong += [f"{name}: event {event_id} is not in the topic" for event_id in sorted(missing)]
    return Verdict("the broker holds every published event", counted, wrong)


def of_rest(progress: Mapping[str, Mapping[str, Any]]) -> Verdict:
    """Nothing waits for a person, no work was given up."""
    wrong = [
        f"{name}: {report['parked']} parked, {report['tasks_failed']} tasks given up"
        for name, report in progress.items()
        if report["parked"] or report["tasks_failed"]
    ]
    return Verdict("nothing is parked, no task was given up", len(progress), wrong)


def of_front_end(walked: int, failures: Iterable[str]) -> Verdict:
    return Verdict("every request was answered in the end", walked, list(failures))


def _kinds(facts: Facts) -> set[str]:
    return {event.kind for event in facts.events}


def _total(all_facts: Mapping[str, Facts]) -> int:
    return sum(len(facts.events) for facts in all_facts.values())


def _fen(amount: Mapping[str, str]) -> int:
    return int(amount["amount"].replace(".", ""))


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


assert set(SERVICES) == OF_OTHER_VERDICTS | {service for row in FOLLOWS for service in (row[0], row[2])}, (
    "a new service follows from something: add it to FOLLOWS"
)
