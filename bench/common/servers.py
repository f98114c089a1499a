"""Servers for one benchmark: on loopback, on directories of their own, gone afterwards."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from standalone.brokers import KafkaBroker
from standalone.postgres import EmbeddedPostgres


class NotAvailable(Exception):
    """What a benchmark needs is not on this machine."""


@contextmanager
def directory() -> Iterator[Path]:
    """A directory that is gone afterwards."""
    path = Path(tempfile.mkdtemp(prefix="puhui-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def postgres(settings: Mapping[str, str] | None = None) -> Iterator[EmbeddedPostgres]:
    """PostgreSQL as `make run` starts it, but for `settings`: it waits for the disk."""
    with directory() as path, EmbeddedPostgres(path / "data", settings=settings) as server:
        yield server


@contextmanager
def kafka() -> Iterator[KafkaBroker]:
    """Apache Kafka; raises `NotAvailable` where Java or Maven are missing."""
    with directory() as path:
        broker = KafkaBroker(path)
        reason = broker.unavailable()
        if reason:
            raise NotAvailable(reason)
        with broker:
            yield broker
