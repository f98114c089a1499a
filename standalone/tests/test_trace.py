"""What a request led to, drawn from the trail."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from standalone.trace import trees


def entry(event_id: str, service: str, name: str, cause: str = "", ms: int = 0, request: str = "r-1") -> dict[str, Any]:
    return {
        "event_id": event_id,
        "service": service,
        "type": f"puhui.{service}.{name}.v1",
        "actor": "customer" if not cause else f"service:{service}",
        "recorded_at": f"2026-01-05T08:00:00.{ms:03d}000+00:00",
        "correlation_id": request,
        "causation_id": cause,
    }


def drawn(*entries: dict[str, Any], traceparents: dict[str, str] | None = None) -> list[str]:
    console = Console(width=120)
    with console.capture() as captured:
        for tree in trees(entries, traceparents or {}):
            console.print(tree)
    return captured.get().splitlines()


SUBMITTED = entry("e-1", "application", "application-submitted")
SCORED = entry("e-2", "scoring", "application-scored", cause="e-1", ms=12)
APPROVED = entry("e-3", "approval", "application-approved", cause="e-2", ms=31)


def test_every_event_is_under_its_cause_with_the_time_since_the_request() -> None:
    lines = [line.strip("│├└─ ") for line in drawn(APPROVED, SUBMITTED, SCORED)]
    assert lines[0].startswith("request by customer")
    assert [" ".join(line.split()) for line in lines[1:]] == [
        "0.0 ms application application-submitted customer",
        "12.0 ms scoring application-scored service:scoring",
        "31.0 ms approval application-approved service:approval",
    ]


def test_depth_is_the_chain_of_causes() -> None:
    lines = drawn(SUBMITTED, SCORED, APPROVED)
    depths = [line.index(name) for line, name in zip(lines[1:], ("0.0 ms", "12.0 ms", "31.0 ms"), strict=True)]
    assert depths == sorted(set(depths)), lines


def test_requests_are_trees_of_their_own_and_name_their_trace() -> None:
    other = entry("e-9", "ledger", "repayment-received", request="r-2")
    traceparents = {"r-1": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    lines = [line for line in drawn(SUBMITTED, other, traceparents=traceparents) if line.startswith("request")]
    assert lines == [
        "request by customer · trace 0af7651916cd43dd8448eb211c80319c",
        "request by customer · trace unknown",
    ]


def test_an_event_whose_cause_is_elsewhere_is_under_the_request() -> None:
    assert len(drawn(SCORED)) == 2
