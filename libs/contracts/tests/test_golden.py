"""What was once published is still read: a golden file for every type of event, and none may be lost."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import orjson
import pytest

from libs.contracts.base import EVENT_TYPES
from libs.contracts.catalogue import UPCASTERS
from libs.events.canonical import canonical

GOLDEN: Final = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_every_event_has_a_golden_file_and_still_says_all_of_it(name: str) -> None:
    path = GOLDEN / f"{name}.json"
    assert path.exists(), f"run `python -m tools.generate`: {path.name} is missing"
    once = orjson.loads(path.read_bytes())
    assert path.read_bytes() == canonical(once) + b"\n"
    now = EVENT_TYPES[name].model_validate(once).payload()
    assert {member: now[member] for member in once} == once


def test_no_golden_file_has_lost_its_event() -> None:
    published = {path.stem for path in GOLDEN.glob("*.json")}
    assert published <= EVENT_TYPES.keys() | UPCASTERS.keys()
