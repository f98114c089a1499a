"""What was once published is still read: a golden file for every type of event, and none may be lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

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
    assert of_what_was_said(now, once) == once


def of_what_was_said(now: Any, once: Any) -> Any:
    """The part of a payload that had been published: members that were added since are left out, at any depth."""
    if isinstance(now, dict) and isinstance(once, dict):
        return {member: of_what_was_said(value, once[member]) for member, value in now.items() if member in once}
    if isinstance(now, list) and isinstance(once, list) and len(now) == len(once):
        return [of_what_was_said(*pair) for pair in zip(now, once, strict=True)]
    return now


def test_no_golden_file_has_lost_its_event() -> None:
    published = {path.stem for path in GOLDEN.glob("*.json")}
    assert published <= EVENT_TYPES.keys() | UPCASTERS.keys()
