"""The embedded PostgreSQL through starts, stops and accidents."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from standalone.postgres import DirectoryInUse, EmbeddedPostgres
from standalone.processes import is_alive


@pytest.fixture
def server(empty_directory: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(empty_directory, durable=False) as server:
        yield server


async def run(dsn: str, statement: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_data_outlives_a_restart(empty_directory: Path) -> None:
    with EmbeddedPostgres(empty_directory) as server:
        server.create_database("ledger")
        await run(server.dsn("ledger"), "create table kept as select 7 as n")

    with EmbeddedPostgres(empty_directory) as server:
        server.create_database("ledger")  # the second time changes nothing
        assert await run(server.dsn("ledger"), "select n from kept") == 7


async def test_what_was_committed_outlives_a_killed_parent(empty_directory: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from standalone.postgres import EmbeddedPostgres\n"
        "server = EmbeddedPostgres(Path(sys.argv[1])); server.start(); server.create_database('ledger')\n"
        "os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(empty_directory)], check=False)
    assert killed.returncode == -signal.SIGKILL
    orphan = postmaster(empty_directory)
    assert is_alive(orphan)

    with EmbeddedPostgres(empty_directory) as server:
        assert not is_alive(orphan)
        assert await run(server.dsn("ledger"), "select current_user::text") == "ledger"


async def test_a_killed_server_recovers_at_the_next_start(empty_directory: Path) -> None:
    server = EmbeddedPostgres(empty_directory)
    server.start()
    server.create_database("ledger")
    await run(server.dsn("ledger"), "create table kept as select 7 as n")
    killed = postmaster(empty_directory)
    killed.kill()
    server.stop()

    with EmbeddedPostgres(empty_directory) as again:
        assert await run(again.dsn("ledger"), "select n from kept") == 7


def test_a_stale_pid_file_never_ends_somebody_elses_process(empty_directory: Path) -> None:
    with EmbeddedPostgres(empty_directory):
        pass
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as bystander:
        lines = [str(bystander.pid), str(empty_directory), "0", "5432", str(empty_directory), "", "0 0", "ready"]
        (empty_directory / "postmaster.pid").write_text("\n".join(lines) + "\n")

        with EmbeddedPostgres(empty_directory):
            assert bystander.poll() is None
        bystander.kill()


def test_an_initialisation_that_was_cut_off_is_begun_anew(empty_directory: Path) -> None:
    unfinished = empty_directory.with_name(f"{empty_directory.name}.unfinished")
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")

    with EmbeddedPostgres(empty_directory):
        assert not unfinished.exists()


def test_a_directory_has_one_holder_at_a_time(empty_directory: Path) -> None:
    with EmbeddedPostgres(empty_directory), pytest.raises(DirectoryInUse, match="stop it first"):
        EmbeddedPostgres(empty_directory).start()


async def test_a_service_does_not_get_into_another_services_database(server: EmbeddedPostgres) -> None:
    server.create_database("one")
    server.create_database("two")
    as_one_into_two = server.dsn("one").replace("/one?", "/two?")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await run(as_one_into_two, "select 1")


async def test_a_directory_with_a_long_name_gets_its_socket_elsewhere(empty_directory: Path) -> None:
    deep = empty_directory / ("d" * 100) / "data"
    with EmbeddedPostgres(deep) as server:
        assert await run(server.superuser_dsn, "select 1") == 1


def postmaster(directory: Path) -> psutil.Process:
    return psutil.Process(int((directory / "postmaster.pid").read_text().splitlines()[0]))


def test_the_server_is_never_root_and_never_on_the_network(server: EmbeddedPostgres) -> None:
    process = postmaster(server.data_dir)
    assert process.uids().effective != 0
    assert process.uids().effective == os.geteuid() or os.geteuid() == 0
    assert process.net_connections("inet") == []
