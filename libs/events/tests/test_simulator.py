"""The kit's protocols under thousands of schedules; and the proof that the simulator would see it if they failed.

At full size: `make simulate SCHEDULES=20000`.
"""

from __future__ import annotations

import os
from typing import Final

import pytest

from libs.events.tests.mutations import MUTATIONS, Mutation
from libs.events.tests.simulator import first_found, simulate

SCHEDULES: Final = int(os.environ.get("SCHEDULES", "200"))
SEEDS_MAX: Final = 600
"""Within how many schedules each planted bug must be found; the rarest needs about a tenth of it."""


def test_no_schedule_breaks_a_promise() -> None:
    found = first_found(range(SCHEDULES))
    assert found is None, f"seed {found[0]}: {found[1]}" if found else ""


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_every_planted_bug_is_found(mutation: Mutation) -> None:
    with mutation.planted():
        found = first_found(range(SEEDS_MAX))
        assert found is not None, f"{mutation.name} ({mutation.what}) lived through {SEEDS_MAX} schedules"
        seed, broken = found
        assert simulate(seed) == broken, "one seed, one failure: the simulator is not reproducible"
    assert simulate(seed) == "", "the bug is in the kit, not in the mutation"
