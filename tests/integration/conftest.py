"""The whole platform as a process of its own, once for each kind of broker, and the stories that are played on it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from standalone.brokers import broker_named
from tests.integration.running import PlatformProcess
from tests.integration.town import Story, live

IN_CI = os.environ.get("CI") == "true"


@contextmanager
def platform_on(broker: str) -> Iterator[PlatformProcess]:
    """A platform that runs in a new directory; in CI it fails where the broker cannot run, elsewhere it is skipped."""
    # Not pytest's: each of its runs closes the folder above all runs to other accounts, and PostgreSQL has one.
    directory = Path(tempfile.mkdtemp(prefix="puhui-test-"))
    try:
        reason = broker_named(broker, directory).unavailable()
        if reason and IN_CI:
            pytest.fail(f"in CI nothing is left out: {reason}")
        if reason:
            pytest.skip(reason)
        with PlatformProcess(directory / "platform", broker=broker) as running:
            yield running
    finally:
        shutil.rmtree(directory)


@pytest.fixture(scope="session")
def start_platform() -> Callable[[str], AbstractContextManager[PlatformProcess]]:
    """Starts a platform of a test's own, which it may do anything to."""
    return platform_on


@pytest.fixture(scope="session", params=["tansu", pytest.param("kafka", marks=pytest.mark.kafka)])
def process(request: pytest.FixtureRequest) -> Iterator[PlatformProcess]:
    """The platform that tests share, on each kind of broker in turn."""
    with platform_on(request.param) as running:
        yield running


@pytest.fixture(scope="module")
def told(request: pytest.FixtureRequest, process: PlatformProcess) -> dict[Story, Exception | None]:
    """The ends of a module's stories, all played at once."""
    return live(process, request.module.STORIES, seed=request.module.__name__)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A module's stories are a test each."""
    if "story" in metafunc.fixturenames:
        metafunc.parametrize("story", metafunc.module.STORIES, ids=lambda story: story.__name__)
