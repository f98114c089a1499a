"""Repayment plans of 12 instalments with their dates: column by column, and one by one; and that both are the same.

A portfolio goes by in chunks, each summed before the next is written over it; beside it, all plans kept at once.

Plans a second of processor time, so that it says what one core does. Then random terms of every kind go through both
engines and each due date, principal, interest and fee is compared.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

import libs.lending
from bench.common.result import Goal, Result
from bench.common.session import Contestant, Session, rates
from libs.lending.calendar import EVERY_DAY, Calendar, MonthEnd, Period, PeriodUnit, WorkingDay
from libs.lending.column_dates import EPOCH
from libs.lending.columns import LoanColumns, PlanColumns, plan_columns, plans_in_chunks
from libs.lending.daycount import DayCount
from libs.lending.money import Money
from libs.lending.rounding import Rounding
from libs.lending.schedule import repayment_plan
from libs.lending.terms import (
    BrokenPeriod,
    Fee,
    FeeBase,
    FeeTiming,
    InstalmentRule,
    InterestAccrual,
    LoanTerms,
    RepaymentMethod,
    TermsError,
)

SEED: Final = 20261125
MICROSECONDS: Final = 1_000_000
EPOCH_ORDINAL: Final = EPOCH.toordinal()
LIKE: Final = LoanTerms(
    principal=Money.of("100000"), annual_rate=Decimal("0.12"), instalments=12, disbursed_on=date(2026, 1, 31)
)
DAILY: Final = replace(LIKE, accrual=InterestAccrual.DAILY, day_count=DayCount.ACT_365)
PORTFOLIOS: Final = {
    "interest by period": LIKE,
    "actual days over 365": DAILY,
    "actual/actual, working days": replace(
        DAILY, day_count=DayCount.ACT_ACT_ISDA, working_day=WorkingDay.FOLLOWING, interest_to_moved_date=True
    ),
    "equal principal": replace(LIKE, method=RepaymentMethod.EQUAL_PRINCIPAL),
}
KINDS_APART: Final = 2_500
"""Random loans that share their conventions."""


def china() -> Calendar:
    """China's holidays and rest days that are worked, as the library carries them."""
    path = Path(libs.lending.__file__).parent / "data" / "calendar_cn.json"
    return Calendar.from_json(json.loads(path.read_text(encoding="utf-8")))


def portfolio(like: LoanTerms, loans: int, chance: np.random.Generator) -> LoanColumns:
    """Amounts from 10 yuan to 10 million, rates up to 36 %, days over ten years."""
    principal = np.exp(chance.uniform(np.log(10**3), np.log(10**9), loans)).astype(np.int64)
    rate = chance.integers(0, 36_000, loans)
    return LoanColumns(like, principal, rate, 5, chance.integers(18_000, 21_650, loans).astype(np.int32))


async def columns(loans: LoanColumns, calendar: Calendar) -> float:
    """All plans in the memory of one chunk, and what each chunk repays."""
    began = time.process_time()
    repaid = sum(int(plans.principal_minor.sum()) for _, plans in plans_in_chunks(loans, calendar))
    took = time.process_time() - began
    assert repaid == int(loans.principal_minor.sum())
    return len(loans) / took


async def kept(loans: LoanColumns, calendar: Calendar) -> float:
    """All plans at once, in memory that the system gives for them."""
    began = time.process_time()
    plans = plan_columns(loans, calendar)
    repaid = int(plans.principal_minor.sum())
    took = time.process_time() - began
    assert repaid == int(loans.principal_minor.sum())
    return len(loans) / took


async def one_by_one(loans: LoanColumns, count: int, calendar: Calendar) -> float:
    """Terms that are already there, as the columns are: only the plan is measured."""
    terms = [loans.terms(n) for n in range(count)]
    began = time.process_time()
    for each in terms:
        repayment_plan(each, calendar)
    return count / (time.process_time() - began)


def random_terms(chance: random.Random) -> LoanTerms:
    """Conventions at random, of every method that the columns know and of some that they leave to the plain engine."""
    pick = chance.choice
    method = pick([*[RepaymentMethod.EQUAL_INSTALMENT] * 3, *RepaymentMethod])
    if method in (RepaymentMethod.FIXED_INSTALMENT, RepaymentMethod.FIXED_PRINCIPAL, RepaymentMethod.IRREGULAR):
        method = RepaymentMethod.EQUAL_INSTALMENT  # their amounts belong to one principal
    count = chance.randint(1, 23)
    unit = pick([PeriodUnit.MONTHS] * 4 + [PeriodUnit.WEEKS, PeriodUnit.DAYS])
    grace = 0 if method is RepaymentMethod.BULLET else chance.randint(0, count - 1)
    return LoanTerms(
        principal=Money(1),
        annual_rate=Decimal(0),
        instalments=count,
        disbursed_on=EPOCH,
        method=method,
        period=Period(chance.randint(7, 40) if unit is PeriodUnit.DAYS else pick([1, 1, 1, 2, 3]), unit),
        accrual=pick(list(InterestAccrual)),
        day_count=pick(list(DayCount)),
        month_end=pick(list(MonthEnd)),
        working_day=pick(list(WorkingDay)),
        interest_to_moved_date=pick([False, True]),
        broken_period=pick(list(BrokenPeriod)),
        rounding=pick(list(Rounding)),
        instalment_multiple_minor=pick([1, 1, 1, 10, 100]),
        instalment_rule=pick([InstalmentRule.PERIOD_RATES] * 5 + list(InstalmentRule)),
        principal_grace=pick([0, 0, grace]),
        interest_grace=pick([0, 0, grace]),
        interest_free=pick([0, 0, 0, grace]),
        weights=tuple(
            Decimal(chance.randint(1, 300)) / 100 for _ in range(count * (method is RepaymentMethod.STEPPED))
        ),
        fees=tuple(_fees(chance)),
    )


def _fees(chance: random.Random) -> Iterator[Fee]:
    for timing in chance.choice([[], [], [], list(FeeTiming)]):
        base = chance.choice(list(FeeBase)) if timing is FeeTiming.EACH_INSTALMENT else FeeBase.PRINCIPAL
        yield Fee(code=timing, timing=timing, rate=Decimal(chance.randint(0, 200)) / 10_000, base=base)


def differences(loans: LoanColumns, plans: PlanColumns, calendar: Calendar) -> int:
    """Loans of which any due date, principal, interest or fee is not the plain engine's."""
    return sum(not np.array_equal(of_columns(plans, n), of_plain(loans.terms(n), calendar)) for n in range(len(loans)))


def of_columns(plans: PlanColumns, n: int) -> npt.NDArray[np.int64]:
    rows = slice(0, plans.instalments[n])
    fee = np.zeros_like(plans.interest_minor[rows, n]) if plans.fee_minor is None else plans.fee_minor[rows, n]
    return np.array([plans.due[rows, n], plans.principal_minor[rows, n], plans.interest_minor[rows, n], fee])


def of_plain(terms: LoanTerms, calendar: Calendar) -> npt.NDArray[np.int64]:
    try:
        rows = repayment_plan(terms, calendar).rows
    except TermsError:
        rows = ()
    due = [row.due.toordinal() - EPOCH_ORDINAL for row in rows]
    amounts = ([row[place] for row in rows] for place in (4, 5, 6))
    return np.array([due, *amounts], np.int64)


def compare(session: Session, loans: int, calendar: Calendar) -> dict[str, Any]:
    """Random terms through both engines."""
    chance, numbers = random.Random(SEED), np.random.default_rng(SEED)
    found = {"random terms": loans, "different": 0, "settled by the plain engine": 0, "instalments": 0}
    session.stage("both engines on random terms", loans)
    for low in range(0, loans, KINDS_APART):
        some = portfolio(random_terms(chance), min(KINDS_APART, loans - low), numbers)
        plans = plan_columns(some, calendar)
        found["different"] += differences(some, plans, calendar)
        found["settled by the plain engine"] += plans.settled
        found["instalments"] += int(plans.instalments.sum())
        session.advance(len(some))
    return found


async def measure(session: Session) -> Result:
    many, few = session.size(100_000, 1_000_000), session.size(2_000, 20_000)
    medians: dict[str, dict[str, float]] = {}
    for name, like in PORTFOLIOS.items():
        calendar = china() if like.working_day is not WorkingDay.UNADJUSTED else EVERY_DAY
        loans = portfolio(like, many, np.random.default_rng(SEED))
        plan_columns(portfolio(like, 5_000, np.random.default_rng(SEED)), calendar)  # tables of dates are made once
        turns: dict[str, Contestant] = {
            "columns": partial(columns, loans, calendar),
            "columns, all plans kept": partial(kept, loans, calendar),
            "one by one": partial(one_by_one, loans, few, calendar),
        }
        medians[name] = await session.in_turns(name, turns)
    same = compare(session, session.size(25_000, 1_000_000), china())
    first = medians["interest by period"]
    peers = {"one by one": first["one by one"]}
    slowest = min(of["columns"] for of in medians.values())
    plain = max(MICROSECONDS / of["one by one"] for of in medians.values())
    return Result(
        unit="plans of 12 instalments a second and core",
        ours=first["columns"],
        peers=peers,
        ratios=rates(first["columns"], peers),
        runs=session.runs,
        goals=[
            Goal("plans a second and core in columns, the slowest portfolio", slowest, least=1_000_000),
            Goal("µs for one plan in plain Python, the slowest portfolio", plain, most=100),
            Goal("random terms on which the engines differ", same["different"], most=0),
        ],
        limited_by="the interpreter for one plan, arithmetic on arrays for many; where all plans of a million are kept at once, "
        "240 MB that the system gives anew, which it does more or less quickly",
        details={"plans a second": medians, "compared": same},
    )
