"""Loan terms at random, within what products may ask."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hypothesis import strategies as st

from libs.lending.calendar import MonthEnd, Period, PeriodUnit
from libs.lending.daycount import DayCount
from libs.lending.money import Money
from libs.lending.rounding import Rounding
from libs.lending.terms import (
    BrokenPeriod,
    Fee,
    FeeBase,
    FeeTiming,
    InstalmentFit,
    InstalmentRule,
    InterestAccrual,
    LoanTerms,
    Remainder,
    RepaymentMethod,
)

SIMPLE_METHODS = (
    RepaymentMethod.EQUAL_INSTALMENT,
    RepaymentMethod.EQUAL_PRINCIPAL,
    RepaymentMethod.INTEREST_ONLY_BALLOON,
    RepaymentMethod.BULLET,
    RepaymentMethod.FLAT,
)

periods = st.builds(
    Period, st.sampled_from([1, 1, 1, 2, 3, 6]), st.sampled_from([PeriodUnit.MONTHS] * 3 + [PeriodUnit.WEEKS])
) | st.builds(Period, st.integers(5, 45), st.just(PeriodUnit.DAYS))
dates = st.dates(date(2019, 1, 1), date(2030, 12, 31))
rates = st.integers(0, 36_000).map(lambda n: Decimal(n) / 100_000)
principals = st.one_of(st.integers(1, 2_000), st.integers(2_000, 10**9)).map(Money)
fees = st.lists(
    st.one_of(
        st.builds(
            lambda timing, rate: Fee(code="fee", timing=timing, rate=Decimal(rate) / 1000),
            st.sampled_from([FeeTiming.AT_DISBURSEMENT, FeeTiming.FINANCED, FeeTiming.SPREAD]),
            st.integers(0, 50),
        ),
        st.builds(
            lambda base, rate: Fee(
                code="service", timing=FeeTiming.EACH_INSTALMENT, rate=Decimal(rate) / 1000, base=base
            ),
            st.sampled_from(list(FeeBase)),
            st.integers(0, 20),
        ),
    ),
    max_size=2,
).map(tuple)


@st.composite
def terms(draw: st.DrawFn, methods: tuple[RepaymentMethod, ...] = tuple(RepaymentMethod)) -> LoanTerms:
    """Terms of any method, with every convention at random."""
    method = draw(st.sampled_from(methods))
    count = draw(st.integers(1, 40))
    principal = draw(principals)
    extra: dict[str, object] = {}
    if method is RepaymentMethod.FIXED_PRINCIPAL:
        extra["fixed_principal"] = Money(draw(st.integers(1, principal.minor)))
    elif method is RepaymentMethod.FIXED_INSTALMENT:
        extra["fixed_instalment"] = Money(principal.minor * 10 + 1)
    elif method is RepaymentMethod.STEPPED:
        weights = draw(st.lists(st.integers(0, 300), min_size=count - 1, max_size=count - 1))
        extra["weights"] = tuple(Decimal(w) / 100 for w in [*weights, 100])
    elif method is RepaymentMethod.IRREGULAR:
        shares = draw(st.lists(st.integers(0, 100), min_size=count - 1, max_size=count - 1))
        extra["principal_parts"] = tuple(principal.split([*shares, 1]))
    elif method is RepaymentMethod.EQUAL_INSTALMENT and draw(st.booleans()):
        extra["balloon"] = Money(draw(st.integers(0, principal.minor)))
    period = draw(periods)
    grace = st.integers(0, 0 if method is RepaymentMethod.BULLET else count - 1)
    return LoanTerms(
        principal=principal,
        annual_rate=draw(rates),
        instalments=count,
        disbursed_on=draw(dates),
        period=period,
        method=method,
        month_end=draw(st.sampled_from(MonthEnd)),
        day_count=draw(st.sampled_from(DayCount)),
        accrual=draw(st.sampled_from(InterestAccrual)),
        broken_period=draw(st.sampled_from(BrokenPeriod)),
        due_day=draw(st.none() | st.integers(1, 31)) if period.unit is PeriodUnit.MONTHS else None,
        principal_grace=draw(grace) if draw(st.booleans()) else 0,
        interest_grace=draw(grace) if draw(st.booleans()) else 0,
        interest_free=draw(grace) if draw(st.booleans()) else 0,
        rounding=draw(st.sampled_from(Rounding)),
        instalment_multiple_minor=draw(st.sampled_from([1, 1, 1, 10, 100, 1000])),
        instalment_rule=draw(st.sampled_from(InstalmentRule)),
        instalment_fit=draw(st.sampled_from(InstalmentFit)),
        remainder=draw(st.sampled_from(Remainder)),
        fees=draw(fees),
        **extra,  # type: ignore[arg-type]  # the keys fit the method
    )
