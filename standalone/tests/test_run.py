"""What a run and a demonstration do with what they find in their directory."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from standalone.platform import Layout, partitions
from standalone.postgres import DirectoryInUse, EmbeddedPostgres
from standalone.processes import ServerProcess
from standalone.run import end_leftovers


def test_servers_of_a_run_that_is_alive_are_left_alone_and_those_of_one_that_is_not_are_ended(
    empty_directory: Path,
) -> None:
    layout = Layout(empty_directory)
    layout.broker.mkdir(parents=True)
    sleeper = ServerProcess("sleeper", layout.broker)
    sleeper.start([sys.executable, "-c", "import time; time.sleep(600)"], port=0, wait=False)
    try:
        with EmbeddedPostgres(layout.postgres, durable=False):
            with pytest.raises(DirectoryInUse):
                end_leftovers(layout)
            assert sleeper.runs
        end_leftovers(layout)
        assert not sleeper.runs
    finally:
        sleeper.stop(grace_s=0)


def test_topics_keep_the_partitions_that_a_directory_was_begun_with(empty_directory: Path) -> None:
    layout = Layout(empty_directory)
    empty_directory.mkdir(exist_ok=True)
    assert partitions(layout) == 1
    layout.postgres.mkdir()
    assert partitions(layout) == 1, "written down when it was begun"
    layout.partitions.unlink()
    assert partitions(layout) == 2, "begun before the number was written down"
