"""A Docker engine, asked through its own client, as users do."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
IMAGE = "puhui:dev"


def docker(*arguments: str, **environment: str) -> str:
    """The output of one docker command; fails the test with what the command said."""
    done = subprocess.run(
        ["docker", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"docker {' '.join(arguments)}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
    return done.stdout


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
