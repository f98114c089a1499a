"""Building again gives what is published. Runs where the builder's own libraries are installed (`make scorecard`)."""

from pathlib import Path

import pytest

pytest.importorskip(
    "optbinning", reason="the scorecard builder's libraries are not installed: requirements/scorecards.txt"
)

from tools.scorecards.build import build, publish
from tools.scorecards.specification import HERE

pytestmark = pytest.mark.filterwarnings("ignore")


def test_building_again_gives_the_published_bytes() -> None:
    for path, content in build(HERE / "german_credit_v1.json").items():
        assert path.read_bytes() == content, path.name


def test_a_published_card_is_never_overwritten(tmp_path: Path) -> None:
    card, report = tmp_path / "card-v1.json", tmp_path / "card-v1.md"
    card.write_bytes(b"published")
    with pytest.raises(FileExistsError, match=r"card-v1\.json is published"):
        publish({card: b"changed", report: b"report"})
    assert card.read_bytes() == b"published"
    assert not report.exists()
