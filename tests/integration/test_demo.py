"""The demonstration: a small one played to its end, and its own parts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

import pytest

from libs.contracts.partners import BreakKind, BreakOutcome
from standalone.demo import intake
from standalone.demo.colenders import CoLenders
from standalone.demo.play import play, today
from standalone.demo.reconciling import OPEN_DAYS
from standalone.http import Platform
from standalone.run import FIRST_DATE
from tests.integration.running import PlatformProcess

pytestmark = pytest.mark.integration

SEED: Final = __name__
LOANS: Final = 20
SEED_OF_A_PLAY: Final = 1


def test_each_break_that_is_planted_is_found_and_no_other_and_none_stays_open(
    start_platform: Callable[[str], AbstractContextManager[PlatformProcess]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With every applicant willing to be shared, so that a few loans make all kinds of breaks."""
    monkeypatch.setattr(intake, "SHARED_PER_MILLE", 1000)
    with start_platform("tansu") as process:
        played = play(process.url, process.layout, first_date=FIRST_DATE, loans=LOANS, seed=SEED_OF_A_PLAY)
        report = asyncio.run(played)
    reconciled = report["co_lending"]["reconciliation"]
    sides = reconciled["by_counterparty"]
    assert reconciled["planted_equal_found"], sides
    assert all(side["planted"] == side["found"] and side["open"] == 0 for side in sides.values()), sides
    prompt = [side for name, side in sides.items() if name != "hill-trust"]  # it has three seconds to answer an offer
    assert all(side["lines"] > 0 for side in prompt), sides
    assert sides["harbour-bank"]["found"] == {}, "who is prompt makes no mistakes"
    assert sides["hill-trust"]["found"].keys() <= {BreakKind.TIMING}
    assert sides["valley-finance"]["found"].keys() > {BreakKind.MISSING_THERE}
    assert sides["valley-finance"]["resolved"].keys() > {BreakOutcome.MATCHED_LATER}
    assert max(side["oldest_days"] for side in sides.values()) >= OPEN_DAYS
    assert report["sound"]


def test_begun_again_after_a_kill_its_co_lenders_are_told_where_they_were_told_before(
    start_platform: Callable[[str], AbstractContextManager[PlatformProcess]],
) -> None:
    """Their addresses are part of requests, which are sent again under the same keys."""
    with start_platform("tansu") as process:
        told = asyncio.run(_begun(process))
        process.kill()
        process.start()
        assert asyncio.run(_begun(process)) == told
        assert all(told)


async def _begun(process: PlatformProcess) -> list[str]:
    """The endpoints of the co-lenders once they are there."""
    platform = Platform.at(process.url, process.layout.identity, seed=SEED)
    colenders = CoLenders(platform, lambda _what, _count: None, process.layout.colenders)
    try:
        await colenders.begin(await today(platform))
        return colenders.endpoints
    finally:
        await colenders.close()
        await platform.close()
