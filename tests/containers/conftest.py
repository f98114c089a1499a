"""What every test of containers needs: an engine that answers, the image, the stack."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.containers.engine import IMAGE, docker
from tests.containers.stack import Stack


@pytest.fixture(scope="session", autouse=True)
def engine() -> None:
    """Where no engine answers nothing here can be tested; in CI that is a failure."""
    try:
        subprocess.run(["docker", "info"], check=True, capture_output=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        reason = "no Docker engine answers: start one, or set DOCKER_HOST"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def image(engine: None) -> str:
    """The image of all services, built from this working tree."""
    docker("build", "--tag", IMAGE, ".")
    return IMAGE


@pytest.fixture(scope="session")
def stack(image: str) -> Iterator[Stack]:
    """The whole stack, started once for all tests."""
    with Stack() as running:
        yield running
