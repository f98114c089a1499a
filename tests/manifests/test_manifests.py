"""The Kubernetes manifests: whole, within their schemas, and as closed as they can be."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
MANIFESTS = REPOSITORY / "deploy" / "k8s"
KUBERNETES_VERSION = "1.34"
SERVICES = {"application", "scoring", "approval", "contract", "ledger", "collections", "audit", "partners"}
KUSTOMIZE = (
    ("kubectl", "kustomize"),
    ("kustomize", "build"),
    ("go", "run", "sigs.k8s.io/kustomize/kustomize/v5@v5.7.1", "build"),
)

Resource = dict[str, Any]


def missing(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"in CI nothing is left out: {reason}")
    pytest.skip(reason)


def build(folder: Path) -> list[Resource]:
    command = next((c for c in KUSTOMIZE if shutil.which(c[0])), None)
    if command is None:
        missing("kustomize is part of kubectl, and neither is there")
    done = subprocess.run([*command, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


@pytest.fixture(scope="session")
def resources() -> list[Resource]:
    return build(MANIFESTS)


def of_kind(resources: list[Resource], kind: str) -> dict[str, Resource]:
    return {resource["metadata"]["name"]: resource for resource in resources if resource["kind"] == kind}


def container(deployment: Resource) -> Resource:
    (only,) = deployment["spec"]["template"]["spec"]["containers"]
    assert isinstance(only, dict)
    return only


def test_what_kubernetes_itself_defines_is_within_its_schemas(resources: list[Resource]) -> None:
    core = [
        resource for resource in resources if "." not in resource["apiVersion"] or ".k8s.io/" in resource["apiVersion"]
    ]
    assert len(core) > len(SERVICES)
    for resource in core:
        kubernetes_validate.validate(resource, KUBERNETES_VERSION, strict=True)


def test_every_service_has_its_own_deployment_address_and_budget(resources: list[Resource]) -> None:
    expected = {f"puhui-{service}" for service in SERVICES}
    for kind in ("Deployment", "Service", "PodDisruptionBudget"):
        assert of_kind(resources, kind).keys() == expected, kind
    for deployment in of_kind(resources, "Deployment").values():
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        name = deployment["metadata"]["name"].removeprefix("puhui-")
        assert labels["app.kubernetes.io/name"] == name
        assert deployment["spec"]["selector"]["matchLabels"] == {"app.kubernetes.io/name": name}
        probes = [container(deployment)[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe")]
        assert probes == [f"/{name}/health/live", f"/{name}/health/ready"]


def test_no_pod_has_rights_it_does_not_need(resources: list[Resource]) -> None:
    for name, deployment in of_kind(resources, "Deployment").items():
        pod = deployment["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        limits = container(deployment)["securityContext"]
        assert limits["readOnlyRootFilesystem"] is True, name
        assert limits["allowPrivilegeEscalation"] is False, name
        assert limits["capabilities"] == {"drop": ["ALL"]}, name


def test_secrets_are_referred_to_and_never_written_down(resources: list[Resource]) -> None:
    assert not of_kind(resources, "Secret")
    for name, deployment in of_kind(resources, "Deployment").items():
        password = next(e for e in container(deployment)["env"] if e["name"] == "PUHUI_DATABASE_PASSWORD")
        assert password["valueFrom"]["secretKeyRef"]["name"] == f"puhui-database-{name.removeprefix('puhui-')}"


def test_nothing_may_talk_unless_a_policy_says_so(resources: list[Resource]) -> None:
    closed = of_kind(resources, "NetworkPolicy")["default-deny"]["spec"]
    assert closed == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_every_service_has_its_topic_and_its_database(resources: list[Resource]) -> None:
    assert of_kind(resources, "KafkaTopic").keys() == {f"puhui.{service}" for service in SERVICES}
    databases = of_kind(resources, "Database").values()
    assert {(d["spec"]["name"], d["spec"]["owner"]) for d in databases} == {(name, name) for name in SERVICES}


@pytest.fixture
def namespace() -> Iterator[str]:
    """A namespace of its own on the API server that KUBECONFIG names: only where it was said to be for tests."""
    if os.environ.get("PUHUI_TEST_KUBERNETES") != "1":
        pytest.skip("set PUHUI_TEST_KUBERNETES=1 to apply the manifests to the API server that kubectl reaches")
    name = f"puhui-test-{uuid.uuid4().hex[:8]}"
    yield name
    subprocess.run(["kubectl", "delete", "namespace", name, "--wait=false"], check=True, capture_output=True)


def test_an_api_server_takes_every_resource(namespace: str, resources: list[Resource], tmp_path: Path) -> None:
    way = os.path.relpath(MANIFESTS, tmp_path.resolve())
    (tmp_path / "kustomization.yaml").write_text(f"namespace: {namespace}\nresources: [{way}]\n")
    done = subprocess.run(["kubectl", "apply", "-k", str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(resources)
    assert "warning" not in done.stderr.lower()
