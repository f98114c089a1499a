"""Quotations: figures, limits, and what is said when something is wrong."""

import json

import pytest
from typer.testing import CliRunner

from standalone.quote import app

RUNNER = CliRunner()
ASK = ["--product", "microbusiness", "--amount", "100000", "--term", "12", "--date", "2026-11-23"]


def test_a_quotation_holds_plan_costs_and_both_annual_costs() -> None:
    result = RUNNER.invoke(app, [*ASK, "--method", "等额本息", "--json"])
    assert result.exit_code == 0
    quoted = json.loads(result.stdout)
    assert len(quoted["plan"]) == 12
    assert quoted["plan"][0]["total"] == "8884.88"
    assert quoted["costs"]["fees_at_disbursement"] == "1000.00"
    assert quoted["costs"]["total_repaid"] == "107618.53"
    assert (quoted["costs"]["total"], quoted["costs"]["paid_out"]) == ("7618.53", "99000.00")
    assert [(item["payee"], item["total"]) for item in quoted["costs"]["items"]] == [("LENDER", "1000.00")]
    assert quoted["annual_cost"]["simple_percent"] == "13.913109"
    assert quoted["annual_cost"]["irr_percent"].startswith("14.8")


def test_a_quotation_for_people_is_a_table() -> None:
    result = RUNNER.invoke(app, [*ASK, "--method", "bullet"])
    assert result.exit_code == 0
    assert "112000.00" in result.stdout
    assert "13.13 % (IRR)" in result.stdout


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["--product", "yacht"], "there are: consumer"),
        (["--amount", "1"], "lends 10000.00 to"),
        (["--amount", "1e5"], "not a plain decimal"),
        (["--amount", "100000.001"], "more digits"),
        (["--term", "1"], "3 to 60 months"),
        (["--method", "sometimes"], "it has: EQUAL_INSTALMENT"),
        (["--date", "2026-02-30"], "day is out of range"),
        (["--date", "2020-01-01"], "no product"),
    ],
)
def test_what_cannot_be_quoted_is_refused_with_what_can(change: list[str], said: str) -> None:
    result = RUNNER.invoke(app, [*ASK, *change])
    assert result.exit_code == 2
    assert said in result.stderr
