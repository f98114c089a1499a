"""One question to a source: its answer, or why there is none; and the answer as it is kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final, NamedTuple

from libs.contracts.scoring import Without
from libs.events.sealing import SubjectKey
from libs.events.tasks import TryLater
from libs.service.runtime import Runtime
from services.scoring.records import bound, party
from services.scoring.sources import NotAnswered, Report, Source

FIRST_DELAY: Final = timedelta(milliseconds=200)
"""Before a source is asked again; twice as long each time after."""
PUBLIC_RECORD: Final = "PUBLIC_RECORD"
"""The purpose of a question that needs no consent."""
SHUT: Final = "The applicant's data may be recorded no more"


class Question(NamedTuple):
    """Which source is asked about whom, by what authority, and for which purpose."""

    source: str
    applicant_id: str
    authority: str
    purpose: str


class Unanswered(NamedTuple):
    """Why nothing came that can be used, and what exactly happened."""

    why: Without
    detail: str


async def ask(runtime: Runtime, question: Question, attempt: int, attempts: int) -> Report | Unanswered:
    """Raises `TryLater` where the source gave no answer, until it was asked so many times in all."""
    try:
        report = await _ask(runtime, question)
    except NotAnswered as error:
        if attempt < attempts:
            raise TryLater(str(error), FIRST_DELAY * 2 ** (attempt - 1)) from error
        return Unanswered(Without.UNAVAILABLE, f"{error}; asked {attempt} times")
    if report is None:
        return Unanswered(Without.NO_HIT, f"{question.source} knows of nobody like this")
    if not report.same_person:
        return Unanswered(Without.CONFLICTING, f"{question.source} knows this identity number under another name")
    return report


async def _ask(runtime: Runtime, question: Question) -> Report | None:
    sources: dict[str, Source] = runtime.extras["sources"]
    source = sources.get(question.source)
    if source is None:
        raise NotAnswered(f"{question.source} is not configured")
    who = await party(runtime, question.applicant_id)
    if who is None:
        raise NotAnswered("the applicant's name and number are not known here")
    return await source.ask(who, question.authority, question.purpose, runtime.today)


async def sealed(runtime: Runtime, applicant_id: str, authority: str, item: str, report: Report) -> dict[str, Any]:
    """The answer as a row of `SOURCE_DOCUMENT`; raises `Shut` when nothing of the applicant may be kept any more."""
    key: SubjectKey = await runtime.codec.sealing_key(applicant_id)
    return {
        "application_id": authority,
        "item": item,
        "applicant_id": applicant_id,
        "media_type": report.media_type,
        "content": key.seal_bytes(report.content, bound(authority, item)),
    }
