"""Loan terms at random, within what products may ask."""

from __future__ import annotations

from datetime import date, timedelta
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
    Tranche,
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


TRANCHE_METHODS = tuple(set(RepaymentMethod) - {RepaymentMethod.FLAT, RepaymentMethod.IRREGULAR})
DAYS_AT_LEAST = {PeriodUnit.MONTHS: 28, PeriodUnit.WEEKS: 7, PeriodUnit.DAYS: 1}


@st.composite
def _tranches(draw: st.DrawFn, principal_minor: int, count: int, period: Period, start: date) -> tuple[Tranche, ...]:
    """Sometimes parts of the principal that are paid out before the last due date."""
    days = (count - 1) * period.every * DAYS_AT_LEAST[period.unit]
    if days < 2 or principal_minor < 4 or not draw(st.booleans()):
        return ()
    offsets = sorted(draw(st.sets(st.integers(1, days - 1), min_size=1, max_size=3)))
    share = principal_minor // (len(offsets) + 1)
    return tuple(Tranche(start + timedelta(days=n), Money(draw(st.integers(1, share)))) for n in offsets)


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
    disbursed_on = draw(dates)
    tranches = draw(_tranches(principal.minor, count, period, disbursed_on)) if method in TRANCHE_METHODS else ()
    grace = st.integers(0, 0 if method is RepaymentMethod.BULLET else count - 1)
    return LoanTerms(
        principal=principal,
        annual_rate=draw(rates),
        instalments=count,
        disbursed_on=disbursed_on,
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
        instalment_fit=InstalmentFit.ROUNDED if tranches else draw(st.sampled_from(InstalmentFit)),
        remainder=Remainder.LAST if tranches else draw(st.sampled_from(Remainder)),
        fees=draw(fees),
        tranches=tranches,
        **extra,  # type: ignore[arg-type]  # the keys fit the method
    )
