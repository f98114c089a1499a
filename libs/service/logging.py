"""Structured logs: one JSON object a line on standard output, without personal data."""

from __future__ import annotations

import json
import logging
import math
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import orjson
import structlog
from pydantic import BaseModel, SecretStr

from libs.contracts.types import Personal
from libs.service.context import RequestContext, current

HIDDEN: Final = "[personal]"

PERSONAL_KEYS: Final = frozenset(
    {
        *("authorization", "body", "client_secret", "password", "payload", "secret", "signature", "token"),
        *("account_holder", "account_number", "bank_account", "card_number", "holder", "recipient"),
        *("applicant_name", "contact_name", "full_name", "guarantor_name", "name_en", "name_zh", "person_name"),
        *("address", "contact", "email", "employer", "mobile", "phone", "phone_number", "telephone", "wechat"),
        *("birth_date", "date_of_birth", "id_card", "id_number", "identity_number", "resident_id"),
    }
)
"""Keys whose values are never logged: personal data, secrets, and whole bodies, which may hold either."""

# A resident identity number (GB 11643) and a mainland mobile number, wherever they turn up in a text.
_PERSONAL_TEXT: Final = re.compile(r"(?<![0-9A-Za-z-])(?:[0-9]{17}[0-9Xx]|(?:\+?86)?1[3-9][0-9]{9})(?![0-9A-Za-z-])")

_TEXT_CHARS_MAX: Final = 2000
_ITEMS_MAX: Final = 50
_DEPTH_MAX: Final = 6
_FRAMES_MAX: Final = 30
_QUIET_S: Final = 60.0
_KNOWN_MAX: Final = 1_000

EventDict = MutableMapping[str, Any]


def scrubbed(value: Any, depth: int = 0) -> Any:
    """`value` as it may be logged: personal members hidden, long texts cut, anything unknown as its type's name."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        return _PERSONAL_TEXT.sub(HIDDEN, value[:_TEXT_CHARS_MAX])
    if depth >= _DEPTH_MAX:
        return f"<{type(value).__name__}>"
    if isinstance(value, BaseModel):
        return {
            name: HIDDEN if _is_personal(field.metadata) else _member(name, getattr(value, name), depth)
            for name, field in type(value).model_fields.items()
        }
    if isinstance(value, Mapping):
        return {str(key): _member(str(key), member, depth) for key, member in list(value.items())[:_ITEMS_MAX]}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [scrubbed(member, depth + 1) for member in list(value)[:_ITEMS_MAX]]
    if isinstance(value, SecretStr):
        return HIDDEN
    return scrubbed(str(value))


def _member(name: str, value: Any, depth: int) -> Any:
    return HIDDEN if name.lower() in PERSONAL_KEYS else scrubbed(value, depth + 1)


def _is_personal(metadata: Sequence[object]) -> bool:
    return any(isinstance(mark, Personal) or mark is Personal for mark in metadata)


def describe_exception(error: BaseException) -> dict[str, Any]:
    """An exception for the log: type, first line of its message scrubbed, and frames.

    Only the first line, since databases and validators put the offending values into the lines after it.
    """
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES_MAX:]
    message = str(error).partition("\n")[0]
    described: dict[str, Any] = {
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "message": scrubbed(message),
        "frames": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
    cause = error.__cause__
    if cause is not None:
        described["cause"] = f"{type(cause).__module__}.{type(cause).__qualname__}"
    return described


def _add_context(_logger: Any, _method: str, event: EventDict) -> EventDict:
    context = current()
    if context is not None:
        event.setdefault("request_id", context.request_id)
        event.setdefault("correlation_id", context.correlation_id)
        event.setdefault("trace_id", context.trace_id)
        event.setdefault("span_id", context.span_id)
    return event


def _scrub(_logger: Any, _method: str, event: EventDict) -> EventDict:
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    elif isinstance(error, tuple):
        error = error[1]
    result: EventDict = {key: _member(key, value, 0) for key, value in event.items()}
    if isinstance(error, BaseException):
        result["exception"] = describe_exception(error)
    return result


def _render(_logger: Any, _method: str, event: EventDict) -> str:
    try:
        return orjson.dumps(event).decode()
    except TypeError:  # an integer over 64 bits or an unpaired surrogate, which the standard library can write
        return json.dumps(event, default=str)


_PROCESSORS: Final[tuple[structlog.typing.Processor, ...]] = (
    structlog.processors.add_log_level,
    _add_context,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _scrub,
)


class _StandardOutput:
    """Writes each line whole to what standard output is at that moment, without a lock: one `write` a line."""

    level: int = logging.INFO
    """What is below it is not written."""

    def msg(self, line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    debug = info = warning = error = critical = exception = log = msg


_OUTPUT: Final = _StandardOutput()


def _configure(number: int) -> None:
    _OUTPUT.level = number
    structlog.configure(
        processors=[*_PROCESSORS, _render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: _OUTPUT,
        cache_logger_on_first_use=False,
    )


_configure(logging.INFO)  # so that nothing is logged unscrubbed, even where nobody configures


def configure_logging(level: str = "info") -> None:
    """Send this process's logs, the libraries' included, to standard output. Call once, at start."""
    number = logging.getLevelNamesMapping()[level.upper()]
    _configure(number)
    root = logging.getLogger()
    root.handlers = [_StandardLibraryHandler()]
    root.setLevel(max(number, logging.INFO))
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "aiokafka", "httpx"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    logging.getLogger("uvicorn.access").disabled = True  # one line a request is written by `RequestLog`
    logging.getLogger("httpx").setLevel(logging.WARNING)


class _Repeats:
    """Counts what libraries log again and again: a client whose broker is away says so twenty times a second."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[int, float]] = {}

    def count(self, record: logging.LogRecord) -> int:
        """How often this was logged, with whatever values, until now; anew after `_QUIET_S` without it."""
        place = record.name, str(record.msg)  # some log a mapping, or an exception
        times, last = self._known.get(place, (0, -math.inf))
        times = times + 1 if record.created - last < _QUIET_S else 1
        if len(self._known) >= _KNOWN_MAX:
            self._known.clear()
        self._known[place] = times, record.created
        return times


class _StandardLibraryHandler(logging.Handler):
    """Passes the records of libraries through the same scrubbing and the same output. One that comes again and again is
    written at its first, second, fourth, eighth time and so forth; an exception always."""

    def __init__(self) -> None:
        super().__init__()
        self._repeats = _Repeats()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            fields: dict[str, Any] = {"source": record.name}
            times = self._repeats.count(record)
            if times & (times - 1) and not record.exc_info:
                return
            if times > 1:
                fields["times"] = times
            if record.exc_info:
                fields["exc_info"] = record.exc_info
            structlog.get_logger().log(record.levelno or logging.INFO, record.getMessage(), **fields)
        except Exception:  # noqa: BLE001 - as every handler of the standard library does
            self.handleError(record)


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """The logger of a module or service."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(source=name)
    return logger


class RequestLog:
    """Writes one line a request. The route's template stands for the path, which may hold personal identifiers.

    The line is put together here, since every request writes one: what comes from outside is scrubbed, and no more.
    """

    def __init__(self, service: str) -> None:
        self._service = service
        self._log = get_logger(service)

    def __call__(self, context: RequestContext, method: str, route: str | None, status: int, elapsed_s: float) -> None:
        if _OUTPUT.level > logging.INFO:
            return
        line = {
            "source": self._service,
            "method": scrubbed(method),
            "route": route,
            "status": status,
            "duration_ms": f"{elapsed_s * 1000:.1f}",
            "actor": scrubbed(context.actor.subject) if context.actor is not None else None,
            "event": "request",
            "level": "info",
            "request_id": scrubbed(context.request_id),
            "correlation_id": scrubbed(context.correlation_id),
            "trace_id": context.trace_id,
            "span_id": context.span_id,
            "timestamp": datetime.now(UTC),
        }
        _OUTPUT.msg(orjson.dumps(line, option=orjson.OPT_UTC_Z).decode())

    def failure(self, event: str, error: BaseException) -> None:
        self._log.error(event, exc_info=error)
