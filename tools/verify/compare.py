"""Both verifiers on the same bundles, with faults by seed: the same verdicts, and no fault that neither finds.

`python -m tools.verify.compare --bundles 1000` prints a line a kind of fault, and exits 1 when the two disagree.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import track
from rich.table import Table

from libs.evidence.container import NotAContainer, unpack
from libs.evidence.verify import verify
from tools.verify.example import ISSUER, town
from tools.verify.faults import faulty

NODE_VERIFIER: Final = Path(__file__).with_name("puhui-verify.mjs")
AT_A_TIME: Final = 200


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one verifier says of a bundle: codes and places, in no order."""

    sound: bool
    findings: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Case:
    """One bundle: which fault it has, whether its content is what it was, and both verdicts."""

    seed: int
    fault: str
    unchanged: bool
    python: Verdict
    node: Verdict

    @property
    def right(self) -> bool:
        return self.python == self.node and self.python.sound == self.unchanged


def by_python(data: bytes, trusted: Sequence[str]) -> Verdict:
    report = verify(data, trusted=trusted)
    return Verdict(report.sound, frozenset((each.code, each.where) for each in report.findings))


def by_node(files: Sequence[Path], keys: Path) -> list[Verdict]:
    """The other verifier's verdicts; raises `OSError` where there is no Node.js."""
    command = ["node", str(NODE_VERIFIER), *map(str, files), "--keys", str(keys), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr)
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(reports) == len(files), done.stderr
    return [
        Verdict(each["sound"], frozenset((found["code"], found["where"]) for found in each["findings"]))
        for each in reports
    ]


def cases(count: int, *, first_seed: int = 0, loans: int = 40) -> Iterator[Case]:
    """So many bundles, each of one of three loans and with one fault by its seed."""
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        told = town(directory / "logs", loans)
        keys = directory / "keys"
        keys.write_text("\n".join(told.keys))
        sound = [told.bundle(1, {"applicant-1": "erased"}), told.bundle(loans // 2), told.bundle(loans)]
        contents = [unpack(data) for data in sound]
        for begin in range(first_seed, first_seed + count, AT_A_TIME):
            made = []
            for seed in range(begin, min(begin + AT_A_TIME, first_seed + count)):
                number = seed // 10 % len(sound)
                fault, data = faulty(sound[number], ISSUER, seed)
                file = directory / f"{seed}.zip"
                file.write_bytes(data)
                made.append((seed, fault, data, _same(data, contents[number]), file))
            verdicts = by_node([file for *_, file in made], keys)
            for (seed, fault, data, unchanged, file), node in zip(made, verdicts, strict=True):
                file.unlink()
                yield Case(seed, fault, unchanged, by_python(data, told.keys), node)


def _same(data: bytes, content: dict[str, bytes]) -> bool:
    try:
        return unpack(data) == content
    except NotAContainer:
        return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundles", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    console = Console()
    found = list(track(cases(given.bundles, first_seed=given.seed), "verifying", total=given.bundles, console=console))
    table = Table("fault", "bundles", "found", "same verdict", "codes")
    for fault in dict.fromkeys(case.fault for case in sorted(found, key=lambda case: case.fault)):
        of = [case for case in found if case.fault == fault]
        codes = Counter(code for case in of for code in {code for code, _ in case.python.findings})
        table.add_row(
            fault.replace("_", " "),
            str(len(of)),
            f"{sum(not case.python.sound for case in of)} of {sum(not case.unchanged for case in of)}",
            f"{sum(case.python == case.node for case in of)} of {len(of)}",
            ", ".join(code for code, _ in codes.most_common(4)),
        )
    console.print(table)
    wrong = [case for case in found if not case.right]
    for case in wrong[:10]:
        console.print(f"[red]seed {case.seed}[/] {case.fault}: Python {case.python}, Node {case.node}")
    console.print(f"{len(found)} bundles, {len(found) - len(wrong)} with the same and the right verdict")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
