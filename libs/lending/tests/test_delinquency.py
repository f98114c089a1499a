"""Days past due and buckets, against a published example."""

import json
from datetime import date
from pathlib import Path

from libs.lending.allocation import Component, Debt
from libs.lending.delinquency import Bucket, bucket_dates, bucket_of, days_past_due, oldest_due

CASES = json.loads((Path(__file__).parent / "data" / "schedule_cases.json").read_text())["cases"]


def test_the_published_example() -> None:
    case = next(case for case in CASES if case["category"] == "delinquency")
    buckets = [Bucket(*bucket) for bucket in case["params"]["buckets"]]
    due = date.fromisoformat(case["params"]["first_due_date"])
    debts = [Debt(1, due, Component.PRINCIPAL, 100), Debt(2, date(2023, 2, 28), Component.PRINCIPAL, 100)]
    for expected in case["expected"]:
        days = days_past_due(debts, date.fromisoformat(expected["date"]))
        bucket = bucket_of(buckets, days)
        assert days == expected["dpd"]
        assert bucket is not None
        assert bucket.name.startswith(expected["code"])
        assert (days > case["params"]["npa_threshold_days"]) is expected.get("is_npa", False)


def test_paid_and_coming_debts_are_not_past_due() -> None:
    on = date(2026, 3, 1)
    debts = [Debt(1, date(2026, 1, 1), Component.INTEREST, 0), Debt(2, on, Component.INTEREST, 5)]
    assert oldest_due(debts, on) is None
    assert days_past_due(debts, on) == 0
    assert bucket_of([Bucket("ALL", 0, 10)], 0) is None
    assert bucket_of([Bucket("ALL", 0, 10)], 11) is None


def test_the_days_on_which_an_unpaid_instalment_moves_on() -> None:
    buckets = [Bucket("A", 0, 30), Bucket("B", 31, 60)]
    assert bucket_dates(buckets, date(2026, 1, 31)) == [
        (buckets[0], date(2026, 2, 1)),
        (buckets[1], date(2026, 3, 3)),
    ]
