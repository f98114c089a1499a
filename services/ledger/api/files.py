"""Many repayments at once: a file with a line each, answered line by line."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from itertools import count
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from libs.contracts.ledger import ActKind, RepaymentPurpose
from libs.contracts.problems import Rejected
from libs.events.ids import derive_id
from libs.lending.money import Money, total
from libs.service.commands import Call, command
from libs.service.json_body import RAW_BODY
from libs.service.models import ResponseModel
from services.ledger.api.checked import WAITS, ActShown, act_shown
from services.ledger.api.shapes import example
from services.ledger.domain.act import ApproveAct, RequestAct, Target
from services.ledger.domain.commands import ReceiveRepayment
from services.ledger.domain.loan import Status
from services.ledger.domain.suspense import HoldReceipt
from services.ledger.handlers import ACT, LOAN, SUSPENSE
from services.ledger.library import library
from services.ledger.references import reserved

router = APIRouter(tags=["repayments"])

CSV: Final = "text/csv"
NEEDED: Final = ("loan_id", "amount", "currency", "value_date", "bank_reference")
OPTIONAL: Final = ("channel", "purpose")
LINES_MAX: Final = 5_000
AT_ONCE: Final = 8
"""Lines of different loans, which the database then writes together."""
FILES: Final = UUID("2f6e9c1a-7c0b-5d0f-9b51-0d5c7c1f3a90")
"""What the identifiers of requests to enter a file are derived under."""
Row = tuple[int, dict[str, str | None]]
"""Its number in the file, and its fields by heading."""
ENTERED, KNOWN, HELD, REFUSED = "ENTERED", "ENTERED_BEFORE", "HELD", "REFUSED"


class LineResult(ResponseModel):
    """What became of one line."""

    model_config = example(
        line=2, outcome="ENTERED", loan_id="4f6c", repayment_id="R20260302-000001", code="", detail=""
    )

    line: int = Field(description="In the file; the heading is line 1.")
    outcome: Literal["ENTERED", "ENTERED_BEFORE", "HELD", "REFUSED"] = Field(
        description="HELD: no such loan, the money waits in suspense. REFUSED: nothing happened; see `detail`."
    )
    loan_id: str
    repayment_id: str
    code: str = Field(description="Why it was held or refused.")
    detail: str


class FileResult(ResponseModel):
    """Every line, in the order of the file."""

    model_config = example(file_sha256="0" * 64, entered=1, entered_before=0, held=0, refused=0, lines=[])

    file_sha256: str
    entered: int
    entered_before: int
    held: int
    refused: int
    lines: list[LineResult]


@dataclass(frozen=True, slots=True)
class Line:
    number: int
    loan_id: str
    amount: Money
    value_date: date
    bank_reference: str
    channel: str
    purpose: RepaymentPurpose


@router.post(
    "/repayment-files",
    summary="Enter a file of repayments",
    response_model=FileResult,
    responses=WAITS,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                CSV: {
                    "schema": {"type": "string"},
                    "example": "loan_id,amount,currency,value_date,bank_reference\n4f6c,1100.16,CNY,2026-03-02,R-1\n",
                }
            },
        }
    },
)
async def enter_file(
    request: Request, call: Annotated[Call, command("finance_officer", "finance_manager", "service")]
) -> Response:
    """CSV in UTF-8 with a heading: loan_id, amount, currency, value_date, bank_reference, and where wanted channel and
    purpose. Each line stands for itself; send the file again after a failure, what is entered stays entered. Lines of
    one loan, or with one reference, are entered in the order of the file.

    Where the policy asks for a second person, the file is only put on record (202): another person sends the same file
    to agree to it, and its lines are entered by him."""
    content: bytes = request.scope[RAW_BODY]
    rows = list(_rows(content))
    waits = await _asked(call, content, rows)
    if waits is not None:
        location = {"location": f"/ledger/acts/{waits.act_id}"}
        return Response(waits.model_dump_json(), 202, location, media_type="application/json")
    results = await _entered(call, rows)
    found = {
        outcome: sum(result.outcome == outcome for result in results) for outcome in (ENTERED, KNOWN, HELD, REFUSED)
    }
    result = FileResult(
        file_sha256=sha256(content).hexdigest(),
        entered=found[ENTERED],
        entered_before=found[KNOWN],
        held=found[HELD],
        refused=found[REFUSED],
        lines=results,
    )
    return Response(result.model_dump_json(), media_type="application/json")


async def _asked(call: Call, content: bytes, rows: list[Row]) -> ActShown | None:
    """The request that waits for a second person; None where the lines may be entered: the policy asks for nobody, or
    another person has sent this very file. The request's identifier follows from the content, so that both meet."""
    checks = library().checks(call.today)
    check = checks.acts.get(ActKind.REPAYMENT_FILE) if checks is not None else None
    if checks is None or check is None or call.role in check.exempt:
        return None
    moved = _moved(rows)
    if moved is not None and not check.asks(moved):
        return None
    digest, commands = sha256(content).hexdigest(), call.runtime.commands
    cause = call.cause(rules={"ledger-checks": checks.label})
    for number in count(1):
        act_id = str(derive_id(FILES, f"{digest}/{number}"))
        stream_id = ACT.stream_id(act_id)
        state, _ = await commands.state(ACT, stream_id)
        if state.requested is None:
            request = RequestAct(
                today=call.today,
                act_id=act_id,
                act=ActKind.REPAYMENT_FILE,
                target=Target(),
                asked={"file_sha256": digest, "lines": len(rows)},
                amount=moved,
                check=check,
                requested_by=call.actor.subject,
            )
            return act_shown((await commands.handle(ACT, stream_id, request, cause)).state)
        if state.state == "APPROVED":
            return None
        if state.state == "OPEN" and state.requested.requested_by == call.actor.subject:
            return act_shown(state)
        if state.state == "OPEN":
            agreed = ApproveAct(today=call.today, approved_by=call.actor.subject, roles=call.actor.roles)
            await commands.handle(ACT, stream_id, agreed, cause)
            return None
    raise AssertionError("numbers do not end")


def _moved(rows: list[Row]) -> Money | None:
    """What the file enters in all, as far as its lines can be read; None for a mixture of currencies."""
    amounts = []
    for number, row in rows:
        with suppress(Rejected):
            amounts.append(_line(number, row).amount)
    if len({amount.currency for amount in amounts}) > 1:
        return None
    return total(amounts, amounts[0].currency) if amounts else Money(0)


async def _entered(call: Call, rows: list[Row]) -> list[LineResult]:
    """Several at once; a line waits for those before it that have its loan or its reference."""
    slots = asyncio.Semaphore(AT_ONCE)
    last: dict[tuple[str, str | None], asyncio.Task[LineResult]] = {}

    async def one(number: int, row: dict[str, str | None], before: set[asyncio.Task[LineResult]]) -> LineResult:
        if before:
            await asyncio.wait(before)
        async with slots:
            return await _line_entered(call, number, row)

    tasks = []
    for number, row in rows:
        keys = [(name, row.get(name)) for name in ("loan_id", "bank_reference")]
        task = asyncio.create_task(one(number, row, {last[key] for key in keys if key in last}))
        last.update(dict.fromkeys(keys, task))
        tasks.append(task)
    await asyncio.gather(*tasks, return_exceptions=True)  # what is under way is finished, whatever became of another
    return [task.result() for task in tasks]


async def _line_entered(call: Call, number: int, row: dict[str, str | None]) -> LineResult:
    try:
        return await _enter(call, _line(number, row))
    except Rejected as refused:
        loan_id, reference = row.get("loan_id") or "", row.get("bank_reference") or ""
        return _result(number, REFUSED, loan_id, reference, refused.code, refused.detail)


def _rows(content: bytes) -> Iterator[Row]:
    """The lines by heading; raises `Rejected` (422) for what is no such file at all."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Rejected("file-not-utf8", "Send the file in UTF-8.", status=422) from None
    try:
        rows = list(csv.reader(io.StringIO(text), strict=True))
    except csv.Error as error:
        raise Rejected("file-not-csv", f"The file is not CSV: {error}.", status=422) from None
    heading = [name.strip() for name in rows[0]] if rows else []
    missing = [name for name in NEEDED if name not in heading]
    unknown = [name for name in heading if name not in NEEDED + OPTIONAL]
    if missing or unknown or len(set(heading)) != len(heading):
        text = f"The first line names {', '.join(NEEDED)} and at most {', '.join(OPTIONAL)}, each once."
        raise Rejected("file-heading", text, status=422)
    if len(rows) - 1 > LINES_MAX:
        raise Rejected("file-too-long", f"Send at most {LINES_MAX} lines at once; split the file.", status=422)
    for number, row in enumerate(rows[1:], 2):
        if row:
            values: list[str | None] = [value.strip() for value in row]
            values += [None] * (len(heading) - len(row))
            named = dict(zip(heading, values, strict=False))
            yield number, named if len(row) == len(heading) else {**named, "": "columns"}


def _line(number: int, row: dict[str, str | None]) -> Line:
    if "" in row:
        raise Rejected("line-columns", "The line has another number of columns than the heading.")
    try:
        amount = Money.of(row["amount"] or "", row["currency"] or "")
    except (ValueError, ArithmeticError):
        raise Rejected("line-amount", 'The amount is no money of the currency: "1100.16" and "CNY".') from None
    if amount.minor <= 0:
        raise Rejected("amount-not-positive", "The amount is not positive.")
    try:
        value_date = date.fromisoformat(row["value_date"] or "")
        purpose = RepaymentPurpose(row.get("purpose") or "INSTALMENT")
    except ValueError:
        text = f"The value date is YYYY-MM-DD, the purpose one of {', '.join(RepaymentPurpose)}."
        raise Rejected("line-value", text) from None
    reference, channel = row["bank_reference"] or "", row.get("channel") or "file"
    if (
        not 1 <= len(reference) <= 79
        or not all(c.isalnum() or c in "._:-" for c in reference)
        or not reference.isascii()
    ):
        raise Rejected("line-reference", "The bank's reference is 1 to 79 letters, digits, '.', '_', ':' or '-'.")
    if not channel.replace("-", "").isalnum() or not channel.islower() or len(channel) > 64:
        raise Rejected("line-channel", "The channel is a code such as bank-transfer.")
    return Line(number, row["loan_id"] or "", amount, value_date, reference, channel, purpose)


async def _enter(call: Call, line: Line) -> LineResult:
    """A repayment under the bank's reference, so that it is entered once whatever file it comes in."""
    policy, commands = library().policy(call.today), call.runtime.commands
    repayment_id = line.bank_reference
    loan, _ = await commands.state(LOAN, LOAN.stream_id(line.loan_id))
    if loan.status is Status.NONE:
        return await _hold(call, line)
    known = loan.receipt(repayment_id)
    if known is not None and (known.amount, known.value_date) == (line.amount, line.value_date):
        return _result(line.number, KNOWN, line.loan_id, repayment_id, "", "")
    asked = ReceiveRepayment(
        today=call.today,
        policy=policy,
        repayment_id=repayment_id,
        amount=line.amount,
        value_date=line.value_date,
        purpose=line.purpose,
        channel=line.channel,
        bank_reference=line.bank_reference,
        closed_periods=call.actor.has("finance_manager"),
    )
    cause = call.cause(line.value_date, {"ledger-policy": policy.label})
    async with reserved(call.runtime, line.bank_reference, line.loan_id, repayment_id):
        await commands.handle(LOAN, LOAN.stream_id(line.loan_id), asked, cause)
    return _result(line.number, ENTERED, line.loan_id, repayment_id, "", "")


async def _hold(call: Call, line: Line) -> LineResult:
    """Money is in the bank whether we know its loan or not: it waits in suspense."""
    suspense_id = f"s{line.bank_reference}"
    asked = HoldReceipt(
        today=call.today,
        suspense_id=suspense_id,
        amount=line.amount,
        value_date=line.value_date,
        channel=line.channel,
        bank_reference=line.bank_reference,
        text=f"no loan {line.loan_id}"[:500],
    )
    stream_id = SUSPENSE.stream_id(suspense_id)
    await call.runtime.commands.handle(SUSPENSE, stream_id, asked, call.cause(line.value_date))
    text = f"There is no such loan; the money is held as {suspense_id} until it is matched or sent back."
    return _result(line.number, HELD, line.loan_id, suspense_id, "loan-not-found", text)


def _result(line: int, outcome: str, loan_id: str, repayment_id: str, code: str, detail: str) -> LineResult:
    return LineResult.model_validate(
        {
            "line": line,
            "outcome": outcome,
            "loan_id": loan_id[:80],
            "repayment_id": repayment_id[:140],
            "code": code,
            "detail": detail,
        }
    )
