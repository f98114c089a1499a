"""Published annual-rate examples, by the method of their regime."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from libs.lending.annual_cost import Flow, annualised, eu_annual_rate, percent, period_rate, years_between
from libs.lending.calendar import Period, PeriodUnit
from libs.lending.reg_z import UnitPeriod, single_payment_unit, unit_periods
from standalone.case_values import Case, UnsupportedError, day, first_of, whole

Output = dict[str, Any]

NAMED_UNITS: Final = {
    "daily": (1, PeriodUnit.DAYS),
    "weekly": (1, PeriodUnit.WEEKS),
    "biweekly": (2, PeriodUnit.WEEKS),
    "fortnightly": (2, PeriodUnit.WEEKS),
    "monthly": (1, PeriodUnit.MONTHS),
    "bimonthly": (2, PeriodUnit.MONTHS),
    "quarterly": (3, PeriodUnit.MONTHS),
    "semiannual": (6, PeriodUnit.MONTHS),
    "semiannually": (6, PeriodUnit.MONTHS),
    "annual": (12, PeriodUnit.MONTHS),
    "annually": (12, PeriodUnit.MONTHS),
    "yearly": (12, PeriodUnit.MONTHS),
}
PAYMENTS_MAX: Final = 5_000
"""A hundred years of weeks: a bound on the work that one case may cause."""
EU_PERIODS_A_YEAR: Final = {PeriodUnit.DAYS: 365, PeriodUnit.WEEKS: 52, PeriodUnit.MONTHS: 12}
"""The directive's standard year: 365 days, 52 weeks or 12 equal months."""


def run_apr(case: Case) -> Output:
    """The annual rate of one case by the method of its regime."""
    regime = str(case["regime"]).upper()
    if regime.startswith("CN_"):
        return _pboc(case)
    if regime.startswith("US_REGZ"):
        return {"id": case.get("id"), "apr_percent": percent(_reg_z(case))}
    if regime.startswith(("EU_", "UK_", "XIRR", "EXCEL_XIRR")):
        return {"id": case.get("id"), "apr_percent": percent(eu_annual_rate(list(_years(case))))}
    raise UnsupportedError(f"regime {case['regime']}")


def _amount(text: object) -> Decimal:
    return Decimal(str(text).replace(",", ""))


def _time(text: object) -> Fraction:
    """A number, a decimal or a ratio, with what follows it left out: "52/60 (one month = 30 days)"."""
    return Fraction(str(text).split()[0])


def _count(stream: Mapping[str, Any]) -> int:
    count = whole(stream.get("count", 1))
    if not 1 <= count <= PAYMENTS_MAX:
        raise UnsupportedError(f"{count} payments: 1 to {PAYMENTS_MAX} are worked out")
    return count


def _payments(case: Case) -> Iterator[tuple[Fraction, Decimal, Mapping[str, Any]]]:
    """Each payment of equal streams: its number in periods from the first advance, its amount, its stream."""
    streams = case["payments"]
    n = 0
    for stream in [streams] if isinstance(streams, Mapping) else streams:
        for _ in range(_count(stream)):
            n += 1
            yield Fraction(n), _amount(stream["amount"]), stream


def _pboc(case: Case) -> Output:
    """Period rate by the borrower's flows; annualised compound and simple."""
    net = first_of(case, "net_proceeds", "amount_financed")
    if net is None:
        principal, fee = case["principal"], first_of(case, "upfront_fee", "fee_at_disbursement") or 0
        net = _amount(principal) - _amount(fee)
    flows, frequency = [Flow(Fraction(0), _amount(net))], case.get("payment_frequency", "monthly")
    for time, amount, stream in _payments(case):
        flows.append(Flow(time, -amount))
        frequency = stream.get("frequency", frequency)
    cost = annualised(period_rate(flows), _unit(str(frequency)).a_year)
    return {
        "id": case.get("id"),
        "apr_percent": percent(cost.irr),
        "irr_annual_percent": percent(cost.irr),
        "simple_annual_percent": percent(cost.simple),
    }


def _reg_z(case: Case) -> Decimal:
    """Times as the case gives them (whole unit-periods and the odd part), else counted from its dates."""
    advances = _advances(case)
    unit, a_year = _unit_of(case, advances)
    start = advances[0][0]
    flows = [
        _timed(start, on, amount, unit) if n else Flow(Fraction(0), amount) for n, (on, amount) in enumerate(advances)
    ]
    given = first_of(case, "first_payment_unit_periods_t")
    odd = _time(case.get("first_payment_fraction_f", 0))
    for passed, on, amount in _stream_payments(case, unit):
        if given is not None:
            flows.append(Flow(_time(given) + passed, -amount, odd))
        else:
            flows.append(_timed(start, on, -amount, unit))
    return period_rate(flows) * Decimal(a_year.numerator) / Decimal(a_year.denominator)


def _advances(case: Case) -> list[tuple[date | None, Decimal]]:
    listed = first_of(case, "advances")
    if listed is not None:
        by_date = sorted(listed, key=lambda advance: day(advance["date"]))
        return [(day(advance["date"]), _amount(advance["amount"])) for advance in by_date]
    dated = first_of(case, "advance_date")
    return [(day(dated) if dated else None, _amount(case["amount_financed"]))]


def _unit_of(case: Case, advances: Sequence[tuple[date | None, Decimal]]) -> tuple[UnitPeriod | None, Fraction]:
    """The unit-period that the case names, or the one of a single payment; and how many it says are a year."""
    frequency, streams = str(case.get("payment_frequency") or ""), case["payment_streams"]
    unit: UnitPeriod | None = None
    single = len(streams) == 1 and whole(streams[0].get("count", 1)) == 1
    start, end = advances[0][0], first_of(streams[0], "from_date", "date")
    if single and start is not None and end is not None:
        unit = single_payment_unit(start, day(end))
    elif frequency and not single:
        unit = _unit(frequency)
    a_year = first_of(case, "unit_periods_per_year")
    if a_year is None and unit is None:
        raise UnsupportedError("neither a payment frequency nor the unit-periods of a year")
    return unit, _time(a_year) if a_year is not None else unit.a_year if unit else Fraction(1)


def _stream_payments(case: Case, unit: UnitPeriod | None) -> Iterator[tuple[int, date | None, Decimal]]:
    """Each payment: unit-periods since the first one, its date, its amount. Streams may leave periods out."""
    first = first_of(case, "first_payment_date")
    count = 0
    for stream in case["payment_streams"]:
        dated = first_of(stream, "from_date", "date")
        start = day(dated) if dated else None
        if start is not None and first is not None and unit is not None and not unit.semimonthly:
            count = unit_periods(day(first), start, unit)[0]
        for n in range(_count(stream)):
            on = None if start is None or unit is None else unit.after(start, n)
            yield count, on, _amount(stream["amount"])
            count += 1


def _timed(start: date | None, on: date | None, amount: Decimal, unit: UnitPeriod | None) -> Flow:
    if start is None or on is None or unit is None:
        raise UnsupportedError("neither dates nor unit-periods of the payments")
    time, odd = unit_periods(start, on, unit)
    return Flow(Fraction(time), amount, odd)


def _years(case: Case) -> Iterator[tuple[Fraction, Decimal]]:
    """The flows in years from the first advance: given so, in months or weeks, by date, or as equal payments."""
    if "flows" not in case:
        yield Fraction(0), _amount(first_of(case, "amount", "net_proceeds", "amount_financed", "principal"))
        for time, amount, stream in _payments(case):
            unit = _unit(str(stream.get("frequency", "monthly")))
            yield time * unit.period.every / EU_PERIODS_A_YEAR[unit.period.unit], -amount
        return
    dates = [day(flow["date"]) for flow in case["flows"] if "date" in flow]
    for flow in case["flows"]:
        yield _years_of(flow, min(dates, default=None)), -_amount(flow["amount"])


def _years_of(flow: Mapping[str, Any], start: date | None) -> Fraction:
    for name, a_year in (("t_years", 1), ("t_months", 12), ("t_weeks", 52), ("t_days", 365)):
        if name in flow:
            return _time(flow[name]) / a_year
    if start is None:
        raise UnsupportedError("a flow without its time")
    return years_between(start, day(flow["date"]))


def _unit(frequency: str) -> UnitPeriod:
    """A payment frequency in words: monthly, semimonthly, weekly, every n weeks, every n months."""
    words = frequency.lower().replace("-", "").split()
    if words == ["semimonthly"]:
        return UnitPeriod(Period(1, PeriodUnit.MONTHS), semimonthly=True)
    if len(words) == 1 and words[0] in NAMED_UNITS:
        return UnitPeriod(Period(*NAMED_UNITS[words[0]]))
    if len(words) == 3 and words[0] == "every":
        unit = words[2].upper().removesuffix("S") + "S"
        if unit in PeriodUnit.__members__:
            return UnitPeriod(Period(whole(words[1]), PeriodUnit(unit)))
    raise UnsupportedError(f"payments {frequency}")
