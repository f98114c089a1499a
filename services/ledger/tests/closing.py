"""Closes business days in a process of its own, which a test kills: `python -m services.ledger.tests.closing URL DAY KEY`.

Says on a line of its own each thing that it begins, so that the test kills it there and not at some time.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

from pydantic import SecretStr

from libs.events.commands import Cause
from libs.events.envelope import Actor
from libs.events.memory import MemoryLog
from libs.service.host import running
from libs.service.settings import ServiceSettings
from services.ledger import day_end, meters
from services.ledger.app import create_ledger


def say(what: str) -> None:
    print(what, flush=True)  # noqa: T201  # what the test waits for


def announced(name: str, function: Any) -> Any:
    async def saying(*args: Any, **kwargs: Any) -> Any:
        say(name)
        return await function(*args, **kwargs)

    return saying


async def close(url: str, until: date, wrapping_key: str) -> None:
    settings = ServiceSettings(
        service="ledger",
        database_url=SecretStr(url),
        kafka_bootstrap="in-memory:0",
        jwks_file=Path("none"),
        token_issuer="none",
        topic_partitions=1,
        keys_url=SecretStr(url),
        keys_kek=SecretStr(wrapping_key),
    )
    async with running(create_ledger(), settings, MemoryLog()) as runtime:
        commands = runtime.commands
        commands.append = announced("append", commands.append)  # type: ignore[method-assign]
        meters.save = announced("save", meters.save)  # type: ignore[assignment]
        meters.fold = announced("fold", meters.fold)  # type: ignore[assignment]
        running_day_end: day_end.DayEnd = runtime.extras["day-end"]
        await running_day_end.run(until, Cause(Actor("operator", "operator"), str(uuid4())))
    say("done")


if __name__ == "__main__":
    asyncio.run(close(sys.argv[1], date.fromisoformat(sys.argv[2]), sys.argv[3]))
