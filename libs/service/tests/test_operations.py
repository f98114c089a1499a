"""What operators and front-end developers look at: settings, health, metrics, documentation, the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI
from starlette.types import Message

from libs.contracts.problems import Rejected
from libs.service.app_factory import ServiceApp, create_app
from libs.service.docs_pages import CONTENT_SECURITY_POLICY
from libs.service.gateway import Gateway
from libs.service.health import HealthChecks
from libs.service.identity import create_identity_app
from libs.service.keys import JwksFile, JwksUrl
from libs.service.openapi import operations, undescribed
from libs.service.problems import CATALOGUE, Problem, ProblemType, define, fragment, invalid, problem_from_refusal
from libs.service.settings import ServiceSettings, SettingsError
from libs.service.telemetry import Metric, Telemetry
from libs.service.tests.in_process import Caller, Identity
from libs.service.tests.toy import Loan, make_app

ENVIRONMENT = {
    "PUHUI_SERVICE": "ledger",
    "PUHUI_DATABASE_URL": "postgresql://ledger:hush@db/ledger",
    "PUHUI_KAFKA_BOOTSTRAP": "kafka:9092",
    "PUHUI_JWKS_URL": "http://issuer.test/jwks.json",
    "PUHUI_TOKEN_ISSUER": "http://issuer.test",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_settings_come_from_the_environment(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PUHUI_BUSINESS_DATE_START", "2026-01-01")
    environment.setenv("PUHUI_KAFKA_IDEMPOTENCE", "false")
    settings = ServiceSettings.load()
    assert (settings.service, settings.host, settings.port) == ("ledger", "127.0.0.1", 8000)
    assert settings.business_date_start == date(2026, 1, 1)
    assert settings.kafka_idempotence is False
    assert settings.database_url.get_secret_value().endswith("hush@db/ledger")
    assert isinstance(settings.key_source(), JwksUrl)
    assert ServiceSettings.load(port=0).port == 0


def test_settings_never_show_their_secrets(environment: pytest.MonkeyPatch) -> None:
    assert "hush" not in repr(ServiceSettings.load())


def test_keys_may_come_from_a_file(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("PUHUI_JWKS_URL")
    environment.setenv("PUHUI_JWKS_FILE", "keys/jwks.json")
    source = ServiceSettings.load().key_source()
    assert isinstance(source, JwksFile)
    assert source.path == Path("keys/jwks.json")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PUHUI_DATABASE_URL", None, "PUHUI_DATABASE_URL: is not set"),
        ("PUHUI_SERVICE", "Ledger!", "PUHUI_SERVICE"),
        ("PUHUI_PORT", "70000", "PUHUI_PORT"),
        ("PUHUI_POOL_MIN", "50", "PUHUI_POOL_MIN"),
        ("PUHUI_JWKS_URL", None, "PUHUI_JWKS_URL or PUHUI_JWKS_FILE"),
        ("PUHUI_JWKS_FILE", "x", "PUHUI_JWKS_URL or PUHUI_JWKS_FILE"),
        ("PUHUI_BUSINESS_DATE_START", "2026-02-30", "PUHUI_BUSINESS_DATE_START"),
        ("PUHUI_LOG_LEVEL", "loud", "PUHUI_LOG_LEVEL"),
    ],
)
def test_a_wrong_environment_is_explained(
    environment: pytest.MonkeyPatch, name: str, value: str | None, said: str
) -> None:
    if value is None:
        environment.delenv(name)
    else:
        environment.setenv(name, value)
    with pytest.raises(SettingsError, match=said) as caught:
        ServiceSettings.load()
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "loopback"), [("localhost", True), ("::1", True), ("0.0.0.0", False), ("db.example", False)]
)
def test_settings_know_who_can_reach_the_service(environment: pytest.MonkeyPatch, host: str, loopback: bool) -> None:
    assert ServiceSettings.load(host=host).is_loopback is loopback


async def well() -> None:
    return


async def ill() -> None:
    raise OSError("postgresql://user:password@host is down")


async def stuck() -> None:
    await asyncio.Event().wait()


def test_health_names_its_checks_and_hides_their_reasons(identity: Identity) -> None:
    health = HealthChecks("ledger", timeout_s=0.01)
    health.live("loop", well)
    call = Caller(make_app(identity, health=health))
    assert call("GET", "/ledger/health/ready").json() == {"status": "pass", "checks": {"loop": "pass"}}
    health.ready("store", ill)
    health.ready("broker", stuck)
    ready = call("GET", "/ledger/health/ready")
    assert ready.status_code == 503
    assert ready.json() == {"status": "fail", "checks": {"loop": "pass", "store": "fail", "broker": "fail"}}
    assert call("GET", "/ledger/health/live").status_code == 200


def test_a_check_has_one_name() -> None:
    health = HealthChecks("ledger")
    health.live("a", well)
    with pytest.raises(ValueError, match="twice"):
        health.live("a", well)


EVENTS = Metric("puhui_events_total", "counter", "Events appended.", ("kind",))
LAG = Metric("puhui_lag", "gauge", "Events not yet handled.")
BATCH = Metric("puhui_batch_size", "histogram", "Events a batch.", buckets=(1, 10))


def test_metrics_are_served_with_their_sentences(identity: Identity) -> None:
    telemetry = Telemetry("ledger", [EVENTS, LAG, BATCH])
    telemetry.count(EVENTS, 2, kind="booked")
    telemetry.set(LAG, 7)
    telemetry.observe(BATCH, 5)
    call = Caller(make_app(identity, telemetry=telemetry))
    call("GET", "/ledger/loans/L-1", headers=identity.bearer("auditor"))
    call("GET", "/ledger/loans/L-2", headers=identity.bearer("auditor"))
    call("GET", "/nothing/a")
    call("GET", "/nothing/b")
    call("BREW", "/ledger/loans")
    call("GET", "/ledger/loans/L/broken")
    text = call("GET", "/ledger/metrics").text
    assert "# HELP puhui_events_total Events appended." in text
    assert 'puhui_events_total{kind="booked",service="ledger"} 2.0' in text
    assert 'puhui_lag{service="ledger"} 7.0' in text
    assert 'puhui_batch_size_bucket{le="10.0",service="ledger"} 1.0' in text
    count = "puhui_http_request_duration_seconds_count"
    assert f'{count}{{method="GET",route="/ledger/loans/{{loan_id}}",service="ledger",status="200"}} 2.0' in text
    assert f'{count}{{method="GET",route="unmatched",service="ledger",status="404"}} 2.0' in text
    assert 'method="other"' in text
    assert 'puhui_http_unexpected_errors_total{service="ledger"} 1.0' in text


def test_a_metric_has_one_meaning() -> None:
    with pytest.raises(ValueError, match="twice"):
        Telemetry("ledger", [EVENTS, EVENTS])


def test_two_services_in_one_process_keep_their_metrics_apart() -> None:
    first, second = Telemetry("a", [EVENTS]), Telemetry("b", [EVENTS])
    first.count(EVENTS, kind="x")
    assert b'service="a"' not in second.exposition()


def test_every_operation_of_the_toy_is_described(app: ServiceApp) -> None:
    assert undescribed(app.openapi()) == []


def test_what_is_not_described_is_found(identity: Identity) -> None:
    router = APIRouter()

    @router.get("/bare")
    async def bare() -> dict[str, str]:
        return {}

    found = undescribed(
        create_app("x", title="X", description="", routers=[router], verifier=identity.verifier).openapi()
    )
    assert "GET /x/bare: no description" in found
    assert "GET /x/bare: no example of the 200 response" in found


def test_two_operations_cannot_have_one_id(identity: Identity) -> None:
    router = APIRouter()
    router.add_api_route("/a", well, name="same")
    router.add_api_route("/b", well, name="same")
    with pytest.raises(ValueError, match="two operations are called same"):
        create_app("x", title="X", description="", routers=[router], verifier=identity.verifier)


def test_an_example_may_stand_in_several_places(identity: Identity) -> None:
    router = APIRouter()
    content = {200: {"content": {"application/json": {"example": {"a": "b"}}}}}

    @router.get("/media", responses=content)
    async def on_the_media_type() -> dict[str, str]:
        """An example beside the schema."""
        return {}

    @router.get("/items")
    async def on_the_items() -> list[Loan]:
        """An example at the items' model."""
        return []

    app = create_app("x", title="X", description="", routers=[router], verifier=identity.verifier)
    assert undescribed(app.openapi()) == []


def test_problems_are_documented_on_every_operation(app: ServiceApp) -> None:
    document = app.openapi()
    by_id = {operation["operationId"]: operation for _, _, operation in operations(document)}
    assert set(by_id) == {"list_loans", "show_loan", "repay", "write_off"}
    assert set(by_id["repay"]["responses"]) == {
        *("201", "400", "401", "403", "404", "409", "412", "413", "415", "422", "428", "500", "503"),
    }
    assert by_id["repay"]["responses"]["422"] == {"$ref": "#/components/responses/Problem422"}
    names = {parameter["name"]: parameter["required"] for parameter in by_id["repay"]["parameters"]}
    assert names == {"loan_id": True, "Idempotency-Key": True, "If-Match": False, "If-None-Match": False}
    assert by_id["repay"]["security"] == [{"bearer": []}]
    assert "HTTPValidationError" not in str(document)
    for name, response in document["components"]["responses"].items():
        assert response["content"]["application/problem+json"]["example"]["status"] == int(name[-3:])
    assert app.openapi() is document


def test_the_documentation_can_get_tokens_by_itself(identity: Identity) -> None:
    document = make_app(identity, token_url="/identity/token").openapi()
    flows = document["components"]["securitySchemes"]["client_credentials"]["flows"]
    assert flows["clientCredentials"]["tokenUrl"] == "/identity/token"
    for _, _, operation in operations(document):
        assert {"client_credentials": []} in operation["security"]


def test_documentation_works_without_a_network(call: Caller) -> None:
    page = call("GET", "/ledger/docs")
    assert page.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "http:" not in page.text
    assert "https:" not in page.text
    for name, media_type in [
        ("swagger-ui-bundle.js", "text/javascript"),
        ("swagger-ui.css", "text/css"),
        ("favicon.png", "image/png"),
        ("start.js", "text/javascript"),
    ]:
        assert f"/ledger/docs/{name}" in page.text
        asset = call("GET", f"/ledger/docs/{name}")
        assert asset.status_code == 200
        assert asset.headers["content-type"].startswith(media_type)
        assert asset.headers["cache-control"].startswith("public")
    assert call("GET", "/ledger/openapi.json").json()["openapi"].startswith("3.1")


def test_every_problem_type_is_served(call: Caller) -> None:
    document = call("GET", "/ledger/problems").json()
    assert {entry["type"] for entry in document} == {kind.uri for kind in CATALOGUE.values()}


def test_a_problem_code_has_one_meaning() -> None:
    again = CATALOGUE["not-found"]
    assert define(again.code, again.status, again.title, again.meaning) == again
    with pytest.raises(ValueError, match="already defined"):
        define("not-found", 404, "Gone", "Something else.")


def test_pointers_may_be_given_in_every_usual_way() -> None:
    assert [fragment(pointer) for pointer in ("amount", "/amount", "#/amount", "")] == [
        "#/amount",
        "#/amount",
        "#/amount",
        "#",
    ]
    assert invalid("/a", "wrong", "No.").as_json()["errors"] == [{"pointer": "#/a", "code": "wrong", "detail": "No."}]


def test_a_problem_keeps_its_standard_members_whatever_else_it_says() -> None:
    document = Problem(ProblemType("x", 409, "X", "x"), extra={"status": 200, "limit": "5"}).as_json()
    assert (document["status"], document["limit"]) == (409, "5")
    known = problem_from_refusal(Rejected("not-found", "No such loan.", status=404))
    assert (known.kind, known.detail) == (CATALOGUE["not-found"], "No such loan.")
    other_status = problem_from_refusal(Rejected("not-found", "No.", status=409))
    assert (other_status.status, other_status.kind.title) == (409, "Not found")


def test_no_request_waits_for_a_thread(identity: Identity) -> None:
    def in_a_thread() -> None: ...

    async def show(_of: None = Depends(in_a_thread)) -> None: ...

    router = APIRouter()
    router.add_api_route("/x", show)
    with pytest.raises(ValueError, match=r"in_a_thread .* is no coroutine function"):
        create_app("x", title="X", description="", routers=[router], verifier=identity.verifier)


def test_a_router_cannot_hide_the_pages_of_the_chassis(identity: Identity) -> None:
    router = APIRouter()
    router.add_api_route("/{anything}", lambda anything: anything)
    with pytest.raises(ValueError, match="would hide /x/metrics"):
        create_app("x", title="X", description="", routers=[router], verifier=identity.verifier)


def service(name: str, identity: Identity, events: list[str]) -> ServiceApp:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        events.append(f"{name} up")
        yield
        events.append(f"{name} down")

    return create_app(name, title=name, description=name, routers=[], verifier=identity.verifier, lifespan=lifespan)


def test_the_gateway_serves_all_under_one_address(identity: Identity) -> None:
    issuer = create_identity_app(identity.issuer, host="127.0.0.1", path="/identity")
    services = {name: service(name, identity, []) for name in ("ledger", "approval")}
    call = Caller(Gateway(services, others={"identity": issuer}))
    assert call("GET", "/ledger/health/live").status_code == 200
    assert call("GET", "/approval/openapi.json").json()["info"]["title"] == "approval"
    assert call("GET", "/identity/jwks.json").status_code == 200
    page = call("GET", "/docs")
    assert "/ledger/openapi.json" in page.text
    assert "/approval/openapi.json" in page.text
    assert call("GET", "/").headers["location"] == "/docs"
    assert call("GET", "/problems").status_code == 200
    missing = call("GET", "/nothing/here")
    assert (missing.status_code, missing.headers["content-type"]) == (404, "application/problem+json")
    assert call("GET", "/health/ready").json() == {"status": "pass", "services": {"ledger": "pass", "approval": "pass"}}
    refused = call("GET", "/operations/settled?but=nobody&but=ledger")
    assert (refused.status_code, refused.json()["detail"]) == (
        422,
        "but: nobody is no service; there are approval, ledger.",
    )
    services["ledger"].health.ready("store", ill)
    assert call("GET", "/health/ready").status_code == 503
    assert call("GET", "/health/live").status_code == 200


def test_the_gateway_starts_and_stops_every_service(identity: Identity) -> None:
    events: list[str] = []
    gateway = Gateway({name: service(name, identity, events) for name in ("a", "b")})

    async def scenario() -> list[str]:
        arriving: asyncio.Queue[Message] = asyncio.Queue()
        sent: list[str] = []

        async def send(message: Message) -> None:
            sent.append(message["type"])

        await arriving.put({"type": "lifespan.startup"})
        await arriving.put({"type": "lifespan.shutdown"})
        await gateway({"type": "lifespan", "state": {}}, arriving.get, send)
        return sent

    assert asyncio.run(scenario()) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert events == ["a up", "b up", "b down", "a down"]


def test_an_odd_path_does_not_break_the_gateway(identity: Identity) -> None:
    async def send_path(path: str) -> int:
        sent: list[Any] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b""}

        async def send(message: Message) -> None:
            sent.append(message)

        gateway = Gateway({"a": service("a", identity, [])})
        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": [], "root_path": ""}
        await gateway(scope, receive, send)
        status: int = sent[0]["status"]
        return status

    assert [asyncio.run(send_path(path)) for path in ("", "*", "//", "/a")] == [307, 404, 404, 404]


def test_the_caller_reports_answers_as_they_are(call: Caller) -> None:
    assert isinstance(call("GET", "/ledger/health/live"), httpx.Response)
