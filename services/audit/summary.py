"""The page for people in an evidence bundle: what it is about, what it says, and how to check that it is so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from libs.evidence.bundle import LOGS, Sealed
from libs.evidence.log import Log
from libs.evidence.verify import Event
from libs.lending.money import Money

HOW: Final = """\
How to check it
  puhui verify FILE              with the platform's package installed, or
  node puhui-verify.mjs FILE     with Node.js and this one file (tools/verify in the repository)
Add --keys KEYS with the public keys that you were given, and --anchors DIRECTORY with the heads that were kept where
the lender cannot write. Neither needs the network, the platform or its database.

What it proves: every event here stands in its service's log as it stands here; no event of this loan up to the heads
is left out; the heads extend those that were anchored; and the state follows from the events by replay.
"""


def summary(
    application_id: str,
    state: Mapping[str, Any],
    events: Sequence[Event],
    logs: Mapping[str, Log],
    sealed: Sequence[Sealed],
    issued_at: str,
) -> bytes:
    """The text of README.txt."""
    lines = [f"Evidence of application {application_id}, issued {issued_at}", ""]
    for title, row in (("Application", state["application"]), ("Loan", state["loan"])):
        lines += [title, *_rows(row)] if row else [f"{title}: none"]
    for case in state["cases"].values():
        lines += ["Collection case", *_rows(case)]
    lines += ["", f"{len(events)} events"]
    lines += [f"  {event.line:>4}  {event.type.removeprefix('puhui.')} ({event.stream_id})" for event in events]
    lines += ["", "Heads"]
    for name in LOGS:
        head = logs[name].head
        if head is not None:
            lines.append(f"  {name}: {head.size} events, {head.streams} streams, root {head.root.hex()}")
    lines += ["", *_sealed(sealed), "", HOW]
    return "\n".join(lines).encode()


def _rows(row: Mapping[str, Any]) -> list[str]:
    currency = row.get("currency") or "CNY"
    shown = []
    for name, value in row.items():
        if name.endswith("_minor"):
            shown.append(f"  {name.removesuffix('_minor')}: {Money(value, currency).amount} {currency}")
        elif value not in (None, ""):
            shown.append(f"  {name}: {value}")
    return shown


def _sealed(sealed: Sequence[Sealed]) -> list[str]:
    if not sealed:
        return ["No personal value is sealed."]
    counts = ", ".join(f"{count} {state}" for state, count in sorted(Counter(each.state for each in sealed).items()))
    lines = [f"Personal values are not shown ({counts}); the proofs cover their ciphertext:"]
    return lines + [f"  event {each.line} {each.pointer}: {each.state}" for each in sealed]
