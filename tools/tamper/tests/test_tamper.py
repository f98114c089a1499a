"""Every kind of tampering is found, located and told; a store that nobody touched is not accused.

At full size: `python -m tools.tamper --events 1000000 --clean 100`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.progress import Progress

from tools.tamper.run import COPY, SOUND, as_markdown, clean_runs, tampered

EVENTS = 2_000


@pytest.fixture
def server(postgres_server: Any) -> Iterator[Any]:
    yield postgres_server
    for name in (SOUND, COPY):
        postgres_server.drop_database(name)


def test_all_that_an_administrator_can_do_to_events_is_found_and_located(server: Any, tmp_path: Path) -> None:
    with Progress(disable=True) as progress:
        outcomes = tampered(server, tmp_path, EVENTS, 1, progress)
        assert {each.name: each.told for each in outcomes if not each.right} == {}
        told = {each.name: each.told for each in outcomes}
        assert "data.amount.amount was '1100.16' and is '100.16'" in told["an amount, its hash recomputed"]
        assert "metadata.recorded_at was" in told["a time, its hash recomputed"]
        assert clean_runs(server, tmp_path, EVENTS, 3, 1, progress).right
    assert as_markdown(outcomes, EVENTS).count("| yes |") == len(outcomes)
