"""A service's database moves: dumped, and restored into a new cluster, where transaction ids begin anew."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from standalone.postgres import EmbeddedPostgres, program_of_server


def move(database: str, source: EmbeddedPostgres, target: EmbeddedPostgres) -> None:
    """Dump it and restore it, as an operator does; the former one is locked, so that nobody goes on with it."""
    target.create_database(database)
    dump = subprocess.run(
        [program_of_server("pg_dump"), "--dbname", source.superuser_dsn_of(database)], capture_output=True, check=True
    )
    restore = [program_of_server("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", target.superuser_dsn_of(database)]
    subprocess.run(restore, input=dump.stdout, capture_output=True, check=True)
    lock = f'alter database "{database}" with allow_connections false'
    subprocess.run([program_of_server("psql"), "-X", "-q", "-c", lock, source.superuser_dsn], check=True)


def adopt(service: str, dsn: str, reason: str) -> str:
    """`puhui adopt`, as an operator calls it; what it said."""
    command = [sys.executable, "-m", "standalone.cli", "adopt", service, "--reason", reason, "--database-url", dsn]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]).stderr
