"""Plants errors in the loan mathematics, one at a time, and runs its tests on each: a test must fail.

`python -m tools.mutants [WORD ...]` plants those whose area or file holds a word, all without; exit 1 if one survives.
Each runs in a copy of the library, so that nothing here changes.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.progress import track

ROOT: Final = Path(__file__).resolve().parents[1]
LENDING: Final = Path("libs/lending")
TIMEOUT_S: Final = 300
"""A planted error may make a loop endless: that is found too."""


@dataclass(frozen=True)
class Mutant:
    """One text of a module for another, and the test modules that must notice."""

    area: str
    module: str
    old: str
    new: str
    tests: tuple[str, ...]

    @property
    def told(self) -> str:
        return f"{self.module}: {self.old.strip()}  →  {self.new.strip()}"


def _area(area: str, module: str, tests: Sequence[str], *texts: tuple[str, str]) -> list[Mutant]:
    return [Mutant(area, module, old, new, tuple(tests)) for old, new in texts]


MUTANTS: Final = [
    *_area(
        "rounding", "rounding", ("rounding", "schedule"),
        ("return (2 * numerator + denominator) // (2 * denominator)", "return (2 * numerator + denominator - 1) // (2 * denominator)"),
        ("return (2 * numerator + denominator) // (2 * denominator)", "return numerator // denominator"),
        ("return -divide(-numerator, denominator, mode)", "return divide(-numerator, denominator, mode)"),
        ("return whole + 1\n", "return whole\n"),
        ("twice == denominator and whole % 2 == 1", "twice == denominator and whole % 2 == 0"),
        ("return divide(numerator, denominator * multiple, mode) * multiple", "return divide(numerator, denominator, mode) // multiple * multiple"),
    ),
    *_area(
        "day count", "daycount", ("daycount", "schedule"),
        ("DayCount.ACT_360: 360,\n    DayCount.ACT_364: 364,\n    DayCount.ACT_365: 365", "DayCount.ACT_360: 365,\n    DayCount.ACT_364: 364,\n    DayCount.ACT_365: 365"),
        ("return end.toordinal() - start.toordinal()", "return end.toordinal() - start.toordinal() + 1"),
        (".toordinal(), 365 if isleap(year) else 366", ".toordinal(), 365"),
        ("(day.toordinal() + 1 - start) * weight", "(day.toordinal() - start) * weight"),
        ("return day.year * _BOTH_YEARS + (day.toordinal() - start) * weight", "return (day.toordinal() - start) * weight"),
        ("return [end - start for start, end in itertools.pairwise(places)]", "return [end - start + 1 for start, end in itertools.pairwise(places)]"),
        ("end.day == 31 and first == 30", "end.day == 31"),
        ("min(end.day, 30) - min(start.day, 30)", "end.day - min(start.day, 30)"),
    ),
    *_area(
        "allocation order", "allocation", ("allocation",),
        ("    Component.INTEREST,\n    Component.PRINCIPAL,\n)", "    Component.PRINCIPAL,\n    Component.INTEREST,\n)"),
        ("    Component.COST,\n    Component.FEE,\n    Component.PENALTY,", "    Component.FEE,\n    Component.COST,\n    Component.PENALTY,"),
        ("group[pair[1]], pair[0].due, pair[0].instalment", "group[pair[1]], pair[0].instalment, pair[0].due"),
        ("group = _groups(order.steps) if order.direction is Direction.HORIZONTAL else rank", "group = rank"),
        ("paid = min(left, debt.amount_minor)", "paid = debt.amount_minor"),
        ("if due < on:", "if due <= on:"),
        ("step in rank", "True"),
    ),
    *_area(
        "level instalment", "annuity", ("annuity", "schedule"),
        ("annuity += annuity * rate // denominator\n", ""),
        ("principal * growth - (balloon << _BITS)", "principal * growth"),
        ("if _near_boundary(numerator, step):", "if False:"),
    ),
    *_area(
        "level instalment", "level", ("schedule", "plan_properties"),
        ("if amount < interest:", "if False:"),
        ("if part < 0:", "if False:"),
        ("if part >= balance:", "if part > balance:"),
        ("(2 * balance * rate + denominator) // twice", "(2 * balance * rate + denominator - 1) // twice"),
        ("part = min(amount - interest, balance)", "part = amount - interest"),
        ("level = self.solve(balance, n + 1)", "pass"),
        ("return max(level, terms.instalment_multiple_minor) if principal > self.balloon else level", "return level"),
    ),
    *_area(
        "amortisation", "amortisation", ("schedule", "plan_properties"),
        (
            "balance -= part\n        if balance == 0 and terms.fixed_principal",
            "balance -= 0\n        if balance == 0 and terms.fixed_principal",
        ),
        ("balance -= parts[n]\n    return rows\n\n\ndef _flat", "balance -= 0\n    return rows\n\n\ndef _flat"),
        ("interest[bearing[-1]] += left", "interest[bearing[-1]] += 0"),
        ("(principal, interest + deferred)", "(principal, interest)"),
        ("rates = [0] * terms.interest_free + list(rates[terms.interest_free :])", "rates = list(rates)"),
    ),
    *_area(
        "fees", "fees", ("schedule", "plan_properties"),
        ("parts[0 if terms.remainder is Remainder.FIRST else -1]", "parts[-1]"),
        ("FeeBase.OPENING_BALANCE: opening", "FeeBase.OPENING_BALANCE: principal"),
        ("return _at(terms, FeeTiming.FINANCED)", "return 0"),
    ),
    *_area(
        "dates", "calendar", ("calendar", "schedule"),
        ("return day in self.make_up", "return False"),
        ("or day in self.holidays", ""),
        ("wanted = _wanted_day(anchor, rule, day)", "wanted = anchor.day"),
        ("first = anchor.year * 12 + anchor.month - 1", "first = anchor.year * 12 + anchor.month"),
        ("moved.month != day.month", "False"),
        ("return date(year + (month == 12), month % 12 + 1, 1)", "return date(year, month, last)"),
    ),
    *_area(
        "periods", "periods", ("schedule", "accrual"),
        ("return whole * single + days_part(terms, start, cut)", "return whole * single"),
        ("moved = adjusted(days, calendar, terms.working_day)", "moved = days"),
        ("(total + rate * (end - cut).days)", "(rate * (end - start).days)"),
    ),
    *_area(
        "accrual", "accrual", ("accrual",),
        ("return min(divide(exact.numerator, exact.denominator, terms.rounding), row.interest_minor)", "return divide(exact.numerator, exact.denominator, terms.rounding)"),
        ("start = free_until if terms.after_grace_only else item.due", "start = free_until"),
    ),
    *_area(
        "payoff", "payoff", ("payoff",),
        ("earned = max(0, accrued_in_row(plan.terms, row, on) - paid)", "earned = row.interest_minor - paid"),
        ("in_advance += debt.amount_minor", "in_advance += 0"),
    ),
    *_area(
        "annual cost", "annual_cost", ("annual_cost",),
        ("net = terms.principal - later - plan.upfront_fee", "net = terms.principal - later"),
        ("net = terms.principal - later - plan.upfront_fee", "net = terms.principal - plan.upfront_fee"),
        ("((1 + rate).ln() * count).exp() - 1", "rate * count"),
    ),
    *_area(
        "annual cost", "reg_z", ("annual_cost",),
        ("odd = months * 30 + days", "odd = days"),
    ),
    *_area(
        "columns", "column_rows", ("columns",),
        ("doubtful = ~(np.abs(shifted - np.rint(shifted)) > error)", "doubtful = np.zeros(len(exact), np.bool_)"),
        ("short |= part < 0", "pass"),
        ("(18 * len(rates) + 6) * UNIT_ROUNDOFF", "0"),
    ),
    *_area(
        "columns", "column_plans", ("columns",),
        ("wide |= (owed * widest * periods >= PRODUCT_MAX) | (widest >= FLOAT_EXACT) | (owed >= FLOAT_EXACT)", "pass"),
    ),
    *_area(
        "columns", "column_dates", ("columns",),
        ("offset[disbursed == starts[months + 1] - 1] = 30", "pass"),
        ("offset = result[k] - first", "pass"),
    ),
    *_area(
        "recalculation", "recalculation", ("recalculation",),
        ("carry = earned - row.interest", "carry = 0"),
        ("moves.append((on if runs else min(on, other.due), -amount))", "moves.append((other.due, -amount))"),
        ("lead = timedelta(days=self.policy.rate_lead_days)", "lead = timedelta(0)"),
    ),
]  # fmt: skip


@contextmanager
def planted(mutant: Mutant | None) -> Iterator[Path]:
    """A copy of the library with the error in it; without one for comparison."""
    with tempfile.TemporaryDirectory(prefix="puhui-mutant-") as name:
        root = Path(name)
        shutil.copytree(ROOT / LENDING, root / LENDING, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "libs/__init__.py", root / "libs/__init__.py")
        if mutant is not None:
            path = root / LENDING / f"{mutant.module}.py"
            text = path.read_text("utf-8")
            if mutant.old not in text:
                raise ValueError(f"{mutant.module} does not hold what is to be replaced: {mutant.old}")
            path.write_text(text.replace(mutant.old, mutant.new), "utf-8")
        yield root


def failing_test(root: Path, tests: Sequence[str]) -> str | None:
    """The first test that fails there, or None where all pass."""
    files = [str(LENDING / "tests" / f"test_{name}.py") for name in tests]
    options = ["-q", "-x", "--no-header", "--import-mode=importlib", "-p", "no:cacheprovider", "-c", "/dev/null"]
    command = [sys.executable, "-m", "pytest", *options, "--rootdir", str(root), *files]
    environment = {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", "PATH": ""}
    try:
        done = subprocess.run(
            command, cwd=root, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return "no end"
    if done.returncode == 0:
        return None
    lines = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if not lines:
        raise RuntimeError(f"the tests could not be run:\n{done.stdout}{done.stderr}")
    return lines[0].split(" - ")[0].partition("::")[2] or lines[0]


def main(words: Sequence[str]) -> int:
    """0 when every planted error was noticed."""
    chosen = [m for m in MUTANTS if not words or any(word in f"{m.area} {m.module}" for word in words)]
    console = Console()
    survived = 0
    for mutant in track(chosen, description="planting errors", console=console, disable=not console.is_terminal):
        with planted(mutant) as root:
            noticed = failing_test(root, mutant.tests)
        survived += noticed is None
        console.print(f"[bold]{mutant.area}[/] {escape(mutant.told)}\n    {escape(noticed or 'NOBODY NOTICED')}")
    console.print(f"{len(chosen) - survived} of {len(chosen)} planted errors noticed")
    return int(survived > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
