"""A watched borrower's rate is raised under the clause of his contract, and restored: from the product of 2027 to the
plan in the books, over every service between."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta
from typing import Any, Final

import pytest

from standalone.http import Refused
from tests.integration.borrowers import Borrower
from tests.integration.running import PlatformProcess
from tests.integration.soundness import assert_sound
from tests.integration.town import Town, live

pytestmark = pytest.mark.integration

CLAUSE_FROM: Final = date(2027, 1, 4)
"""A day on which the product and the contract's template have the clause."""
RISE: Final = {"kind": "HIGHER_RATE", "clause": "watched-rate", "increase": "0.015", "reason": "Arrears"}


async def a_rate_rises_and_falls_again(town: Town) -> None:
    before = Borrower(town, "before-the-clause", product="micro-startup", purpose="working-capital")
    await before.borrows()
    await town.until(CLAUSE_FROM)
    who = Borrower(town, "risen", product="micro-startup", purpose="working-capital")
    await who.borrows()
    contract = await who.contract()
    assert contract["rate_increase"] == {"clause": "watched-rate", "increase_max": "0.02", "notice_days": 30}
    assert contract["disclosure"]["raised_rate"] == "0.134"
    assert (await before.contract())["rate_increase"] is None
    await town.until((await who.due_dates())[0] + timedelta(days=1))
    measure_id, effective = await rise(town, who)
    assert effective == town.today + timedelta(days=30)
    with pytest.raises(Refused) as refused:
        await propose(town, before)
    assert refused.value.code == "rate-fixed"
    await town.until(effective)
    (raised,) = await changes(town, who)
    assert (raised["effective"], raised["terms"]["annual_rate"]) == (effective.isoformat(), "0.129")
    assert raised["measure_id"] == measure_id
    await town.for_days(40)
    await restore(town, who, measure_id)
    _, restored = await changes(town, who)
    assert (restored["effective"], restored["terms"]["annual_rate"]) == (town.today.isoformat(), "0.114")
    assert await changes(town, before) == []


async def propose(town: Town, who: Borrower) -> Any:
    path = f"/collections/watch-list/{who.applicant_id}/measures"
    return await town.client.post(
        "collection-manager", path, {**RISE, "loan_id": who.loan_id}, key=f"{who.name}/propose"
    )


async def rise(town: Town, who: Borrower) -> tuple[str, date]:
    """A higher rate by two persons; the measure, and from when on it runs as the borrower was told."""
    watch = f"/collections/watch-list/{who.applicant_id}"
    measure_id: str = (await propose(town, who))["measures"][-1]["measure_id"]
    decision = {"take": True, "reason": "Agreed"}
    path = f"{watch}/measures/{measure_id}/decision"
    await town.client.post("risk-manager", path, decision, key=f"{who.name}/decide")
    await town.settled()
    (measure,) = (await town.client.get("auditor", watch))["measures"]
    return measure_id, date.fromisoformat(measure["effective_from"])


async def restore(town: Town, who: Borrower, measure_id: str) -> None:
    watch = f"/collections/watch-list/{who.applicant_id}"
    found = {"findings": "Sales have recovered", "leave": True}
    await town.client.post("collection-manager", f"{watch}/reviews", found, key=f"{who.name}/review")
    end = f"{watch}/measures/{measure_id}/end"
    await town.client.post("risk-manager", end, {"reason": "Recovered"}, key=f"{who.name}/end")
    await town.settled()


async def changes(town: Town, who: Borrower) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await town.client.get("auditor", f"/ledger/loans/{who.loan_id}/changes"))["items"]
    return found


def test_a_watched_borrowers_rate_rises_under_the_clause_and_falls_again(
    start_platform: Callable[[str], AbstractContextManager[PlatformProcess]],
) -> None:
    with start_platform("tansu") as process:
        (error,) = live(process, [a_rate_rises_and_falls_again], seed=__name__).values()
        if error is not None:
            raise error
        assert_sound(process, seed=__name__)
