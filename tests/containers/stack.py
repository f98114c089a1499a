"""The compose stack of this repository, under a name and on ports of its own."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from types import TracebackType
from typing import Any, Self

from tests.containers.engine import REPOSITORY, docker

_SECRETS = (
    "POSTGRES_PASSWORD",
    "PUHUI_DATABASE_PASSWORD",
    "PUHUI_BANK_SECRET",
    "PUHUI_APPLICANT_KEY",
    "KEYCLOAK_ADMIN_PASSWORD",
    "KEYCLOAK_FRONT_SECRET",
)
SECRET = "of-the-test-and-as-long-as-a-key-must-be"
_PASSWORDS = {**dict.fromkeys(_SECRETS, SECRET), "PUHUI_KEYS_KEK": "b2YtdGhlLXRlc3QtYW5kLWFzLWxvbmctYXMtaXQtbXU="}
_FILES = ("--file", "docker-compose.yml", "--file", "tests/containers/ports.yaml")


class Stack:
    """Started healthy, or the test fails with the logs; removed with its data at the end."""

    def __init__(self, *only: str, profile: str = "") -> None:
        """`only`: some of the services, else all."""
        self._only = only
        self._project = f"puhui-test-{uuid.uuid4().hex[:8]}"
        self._environment = {**_PASSWORDS, "COMPOSE_PROFILES": profile}

    def compose(self, *arguments: str) -> str:
        """The output of one `docker compose` command."""
        return docker("compose", *_FILES, "--project-name", self._project, *arguments, **self._environment)

    def configuration(self, *, profile: str = "") -> dict[str, Any]:
        """The compose file as it is understood, without the tests' ports."""
        environment = {**_PASSWORDS, "COMPOSE_PROFILES": profile}
        text = docker("compose", "--file", "docker-compose.yml", "config", "--format", "json", **environment)
        configuration: dict[str, Any] = json.loads(text)
        return configuration

    def address(self, service: str) -> str:
        """Where a service's container answers on this machine; another place each time that it is started."""
        return f"http://{self.compose('port', service, '8000').strip()}"

    def url(self, service: str) -> str:
        """Where a service answers on this machine, with the service's own path."""
        return f"{self.address(service)}/{service}"

    def states(self) -> dict[str, tuple[str, str]]:
        """State and health of each service."""
        lines = self.compose("ps", "--all", "--format", "json").splitlines()
        return {row["Service"]: (row["State"], row["Health"]) for row in map(json.loads, lines)}

    def kill(self, service: str) -> None:
        """End a service's container at once, as a crash would."""
        self.compose("kill", "--signal", "KILL", service)

    def start(self, service: str) -> None:
        """Start the container again that was killed; returns when it is healthy."""
        self.compose("up", "--detach", "--wait", "--no-deps", "--no-recreate", service)

    def __enter__(self) -> Self:
        try:
            self.compose("up", "--detach", "--wait", "--wait-timeout", "300", "--quiet-pull", *self._only)
        except AssertionError as error:
            logs = self.compose("logs", "--tail", "30", "--no-color")
            self._remove()
            raise AssertionError(f"{error}\n{logs[-20000:]}") from None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._remove()

    def _remove(self) -> None:
        down = ["docker", "compose", *_FILES, "--project-name", self._project, "down", "--volumes", "--timeout", "5"]
        subprocess.run(down, cwd=REPOSITORY, env={**os.environ, **self._environment}, check=False, capture_output=True)
