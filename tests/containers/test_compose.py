"""The compose stack comes up healthy from the files that users take, closed to everybody but this machine."""

from __future__ import annotations

import httpx
import pytest

from tests.containers.stack import SECRET, Stack

pytestmark = pytest.mark.containers

SERVICES = ("application", "scoring", "approval", "contract", "ledger", "collections", "audit", "partners")
OURS = (*SERVICES, "bank", "identity", "witness")


def test_every_port_is_open_to_this_machine_alone() -> None:
    for name, service in Stack().configuration()["services"].items():
        for port in service.get("ports", []):
            assert port["host_ip"] == "127.0.0.1", name


def test_our_containers_have_no_rights_they_do_not_need() -> None:
    services = Stack().configuration()["services"]
    for name in OURS:
        service = services[name]
        assert service["user"] == "10001:10001", name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name


def test_no_password_is_written_down() -> None:
    for name, service in Stack().configuration()["services"].items():
        for variable, value in service.get("environment", {}).items():
            if any(word in variable for word in ("PASSWORD", "SECRET", "DATABASE_URL", "APPLICANT_KEY")):
                assert SECRET in value, f"{name}: {variable}"


def test_every_container_is_healthy(stack: Stack) -> None:
    assert stack.states() == dict.fromkeys((*OURS, "postgres", "kafka"), ("running", "healthy"))


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_serves_its_health_and_metrics_and_description(stack: Stack, service: str) -> None:
    for path in ("health/live", "health/ready", "metrics", "openapi.json"):
        answer = httpx.get(f"{stack.url(service)}/{path}")
        assert answer.status_code == 200, f"{path}: {answer.text}"


def test_a_killed_service_comes_back(stack: Stack) -> None:
    stack.kill("ledger")
    assert stack.states()["ledger"][0] == "exited"
    stack.start("ledger")
    assert httpx.get(f"{stack.url('ledger')}/health/ready").status_code == 200
