"""Published annual-rate examples, by the method of their regime."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from libs.lending.annual_cost import Flow, annualised, eu_annual_rate, percent, period_rate
from libs.lending.calendar import Period, PeriodUnit
from libs.lending.reg_z import UnitPeriod
from standalone.case_values import Case, UnsupportedError

Output = dict[str, Any]


def run_apr(case: Case) -> Output:
    """The annual rate of one case by the method of its regime."""
    regime = str(case["regime"])
    if regime.startswith("CN_PBOC"):
        return _pboc(case)
    if regime.startswith("US_REGZ"):
        return {"id": case["id"], "apr_percent": percent(_reg_z(case))}
    if regime.startswith("EU_"):
        flows = [(Fraction(str(flow["t_years"])), -Decimal(str(flow["amount"]))) for flow in case["flows"]]
        return {"id": case["id"], "apr_percent": percent(eu_annual_rate(flows))}
    raise UnsupportedError(f"regime {regime}")


def _pboc(case: Case) -> Output:
    payments = case["payments"]
    unit = _unit(str(payments["frequency"]))
    amount = Decimal(str(payments["amount"]))
    flows = [Flow(Fraction(0), Decimal(str(case["net_proceeds"])))]
    flows += [Flow(Fraction(k), -amount) for k in range(1, int(payments["count"]) + 1)]
    cost = annualised(period_rate(flows), unit.a_year)
    return {
        "id": case["id"],
        "apr_percent": percent(cost.irr),
        "irr_annual_percent": percent(cost.irr),
        "simple_annual_percent": percent(cost.simple),
    }


def _reg_z(case: Case) -> Decimal:
    """Times as the case gives them (whole unit-periods and the odd part); one unit-period between payments."""
    first = int(case["first_payment_unit_periods_t"])
    odd = Fraction(str(case["first_payment_fraction_f"]).split()[0])
    flows = [Flow(Fraction(0), Decimal(str(case["amount_financed"])))]
    for stream in case["payment_streams"]:
        for _ in range(int(stream["count"])):
            flows.append(Flow(Fraction(first + len(flows) - 1), -Decimal(str(stream["amount"])), odd))
    return period_rate(flows) * int(case["unit_periods_per_year"])


def _unit(frequency: str) -> UnitPeriod:
    """A payment frequency in words: monthly, semimonthly, weekly, every n weeks, every n months."""
    words = frequency.split()
    named = {"monthly": PeriodUnit.MONTHS, "weekly": PeriodUnit.WEEKS, "daily": PeriodUnit.DAYS}
    if frequency == "semimonthly":
        return UnitPeriod(Period(1, PeriodUnit.MONTHS), semimonthly=True)
    if frequency in named:
        return UnitPeriod(Period(1, named[frequency]))
    if len(words) == 3 and words[0] == "every" and words[2].upper() in PeriodUnit.__members__:
        return UnitPeriod(Period(int(words[1]), PeriodUnit(words[2].upper())))
    raise UnsupportedError(f"payments {frequency}")
