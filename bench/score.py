"""A score with its reasons in plain Python, beside the builder's own scoring of one row; and a whole decision.

The German credit applications in turn, so that no cache of one answer helps. The peers need the scorecard builder's
own libraries (requirements/scorecards.txt, LightGBM), and are left out, and said to be, where those are missing.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from functools import partial
from importlib.util import find_spec
from typing import Any, Final

from bench.common.result import Goal, Result
from bench.common.session import Session, durations
from data.german_credit import Applicant, applicants
from libs.contracts import examples
from libs.contracts.values import LoanRequest
from libs.lending.money import Money
from services.approval.domain import decision
from services.approval.handlers import consider
from services.approval.library import library as approval
from services.approval.tables import in_force
from services.scoring.domain.card import assess
from services.scoring.library import library as scoring

TODAY: Final = date(2026, 2, 1)
MICROSECONDS: Final = 1_000_000
PEER_ROWS: Final = 30
"""A peer takes milliseconds a row: a few say as much as a thousand."""


def request(applicant: Applicant) -> LoanRequest:
    facts: dict[str, Any] = {
        "amount": Money(applicant.amount_minor, "CNY"),
        "instalments": applicant.term_months,
        "answers": dict(applicant.answers),
        "monthly_income": Money.of("9000.00"),
    }
    return LoanRequest.model_validate(examples.REQUEST).model_copy(update=facts)


def each_us(work: Callable[[Any], object], items: list[Any]) -> float:
    """Microseconds of processor time for one item."""
    began = time.process_time()
    for item in items:
        work(item)
    return (time.process_time() - began) / len(items) * MICROSECONDS


async def turn(work: Callable[[Any], object], items: list[Any]) -> float:
    return each_us(work, items)


def decide(asked: tuple[str, LoanRequest, int, str]) -> object:
    """From a score to the decision's event: ratios, the table, the decider."""
    application_id, body, score, grade = asked
    table = in_force(approval().tables, TODAY)
    command = consider(application_id, body, table, score=score, grade=grade, today=TODAY)
    return decision.decide(command, decision.initial)


def peers_of(everyone: list[Applicant]) -> Mapping[str, tuple[Callable[[Any], object], list[Any]]]:
    """The builder's own scoring and a gradient-boosting model, each asked for one row at a time; none without them."""
    if not all(find_spec(name) for name in ("optbinning", "lightgbm", "pandas")):
        return {}
    import lightgbm
    import pandas as pd

    from tools.scorecards.fit import features, fit
    from tools.scorecards.sample import Sample
    from tools.scorecards.specification import HERE, read_specification

    warnings.filterwarnings("ignore")
    specification = read_specification(HERE / "german_credit_v1.json")
    sample = Sample.of(everyone)
    scorecard = fit(sample, specification)
    answers = features(sample, specification)
    encoded = pd.get_dummies(sample.answers).astype(float).to_numpy()
    model = lightgbm.LGBMClassifier(n_estimators=100, n_jobs=1, verbose=-1).fit(encoded, sample.defaulted)
    rows = [answers.iloc[[n]] for n in range(PEER_ROWS)]
    booster = model.booster_
    return {
        "optbinning's own scoring, one row": (scorecard.score, rows),
        "LightGBM, one row": (
            lambda row: booster.predict(row, num_threads=1),
            [encoded[[n]] for n in range(PEER_ROWS)],
        ),
    }


async def measure(session: Session) -> Result:
    everyone = list(applicants())
    times = session.size(10, 100)
    card = scoring().cards[0]
    scores = [assess(card, each.answers) for each in everyone]
    asked = [
        (f"application-{each.number}", request(each), found.score, found.grade)
        for each, found in zip(everyone, scores, strict=True)
    ]
    peers = peers_of(everyone)
    answers = [each.answers for each in everyone] * times
    turns: dict[str, Callable[[], Awaitable[float]]] = {
        "ours": partial(turn, partial(assess, card), answers),
        "decision": partial(turn, decide, asked),
        **{name: partial(turn, work, items) for name, (work, items) in peers.items()},
    }
    medians = await session.in_turns("one application at a time", turns)
    beside = {name: medians[name] for name in peers}
    return Result(
        unit="µs of processor time for a score with its reasons",
        ours=medians["ours"],
        peers=beside,
        ratios=durations(medians["ours"], beside),
        runs=session.runs,
        goals=[
            Goal("µs for a score with its reasons", medians["ours"], most=10),
            Goal("µs for a decision: ratios, table, decider", medians["decision"], most=200),
        ],
        limited_by="" if peers else "no peers: optbinning and LightGBM are not installed here",
        details={"decision, µs": medians["decision"], "applications": len(everyone)},
    )
