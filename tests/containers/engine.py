"""A Docker engine, asked through its own client, as users do."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

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


def held_or_pulled(image: str) -> bool:
    """Whether the engine has an image, or gets it from its registry now."""
    for command in (("image", "inspect", image), ("pull", "--quiet", image)):
        if subprocess.run(["docker", *command], capture_output=True, check=False).returncode == 0:
            return True
    return False
