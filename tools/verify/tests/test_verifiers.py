"""The two verifiers, in Python and in JavaScript, say the same of every vector and of every bundle, faulty or not.

More bundles: `python -m tools.verify.compare --bundles 1000`.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from libs.evidence.replay import KNOWN_RULES, RULES
from libs.evidence.verify import verify
from tools.verify.compare import NODE_VERIFIER, cases
from tools.verify.example import Town, town
from tools.verify.faults import LIES

ROOT = Path(__file__).resolve().parents[3]
VECTORS = ROOT / "libs" / "events" / "tests" / "data" / "merkle_vectors.json"
FIRST_FORMAT = Path(__file__).parent / "data" / "evidence-1.zip.xz"


@pytest.fixture(scope="session")
def node() -> None:
    if shutil.which("node") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("in CI nothing is left out: Node.js is missing")
        pytest.skip("Node.js is missing")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Town:
    return town(tmp_path_factory.mktemp("town"), 6)


def test_both_say_the_same_and_the_right_thing_of_bundles_with_faults_by_seed(node: None) -> None:
    seen = list(cases(10 * len(LIES), loans=12))
    assert [case for case in seen if not case.right] == []
    assert {case.fault for case in seen} >= {lie.__name__ for lie in LIES}


def test_the_vectors_hold_in_javascript(node: None, tmp_path: Path) -> None:
    script = f"""
        import {{ readFileSync }} from "node:fs";
        import * as v from {json.dumps(NODE_VERIFIER.as_uri())};
        const vectors = JSON.parse(readFileSync({json.dumps(str(VECTORS))}, "utf8"));
        const hex = (text) => Buffer.from(text, "hex");
        const wrong = [];
        const check = (what, holds) => {{ if (!holds) wrong.push(what); }};
        check("empty", v.EMPTY_ROOT.toString("hex") === vectors.empty_root);
        const leaves = vectors.leaf_inputs_hex.map((data) => v.leafHash(hex(data)));
        check("leaves", leaves.map((leaf) => leaf.toString("hex")).join() === vectors.leaf_hashes.join());
        const roots = vectors.root_hash_by_tree_size.map(hex);
        for (const {{ index, size, path }} of vectors.inclusion_proofs) {{
            check(`inclusion ${{index}} of ${{size}}`, v.includes(roots[size], size, index, leaves[index], path.map(hex)));
            check("another leaf", !v.includes(roots[size], size, index, leaves[(index + 1) % 8], path.map(hex)));
        }}
        for (const {{ size1, size2, proof }} of vectors.consistency_proofs)
            check(`consistency ${{size1}} to ${{size2}}`, v.extendsTree(size1, roots[size1], size2, roots[size2], proof.map(hex)));
        const [leaf, node] = vectors.single;
        check("single leaf", v.leafHash(Buffer.from(leaf.input_utf8)).toString("hex") === leaf.hash);
        check("single node", v.nodeHash(Buffer.from(node.left_raw_utf8), Buffer.from(node.right_raw_utf8)).toString("hex") === node.hash);
        console.log(JSON.stringify(wrong));
    """
    (tmp_path / "vectors.mjs").write_text(script)
    done = subprocess.run(["node", str(tmp_path / "vectors.mjs")], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_a_bundle_of_the_first_format_is_as_sound_as_it_was(node: None, tmp_path: Path) -> None:
    """Issued before loans were shared: it is proved against the logs of its time."""
    data = lzma.decompress(FIRST_FORMAT.read_bytes())
    assert verify(data).findings == []
    (tmp_path / "first.zip").write_bytes(data)
    done = subprocess.run(["node", str(NODE_VERIFIER), str(tmp_path / "first.zip")], capture_output=True, text=True)
    assert (done.returncode, "sound. 17 events" in done.stdout) == (0, True), done.stdout


def test_by_hand_it_says_what_is_wrong_where(node: None, small: Town, tmp_path: Path) -> None:
    data = small.bundle(1)
    (tmp_path / "sound.zip").write_bytes(data)
    (tmp_path / "damaged.zip").write_bytes(data[:-1])
    done = subprocess.run(["node", str(NODE_VERIFIER), str(tmp_path / "sound.zip")], capture_output=True, text=True)
    assert (done.returncode, "sound. 19 events" in done.stdout) == (0, True), done.stdout
    done = subprocess.run(["node", str(NODE_VERIFIER), str(tmp_path / "damaged.zip")], capture_output=True, text=True)
    assert (done.returncode, "container (bundle)" in done.stdout) == (1, True), done.stdout
    assert subprocess.run(["node", str(NODE_VERIFIER)], capture_output=True).returncode == 2


def test_it_needs_nothing_but_the_standard_library() -> None:
    imported = set(re.findall(r"""from "([^"]+)";""", NODE_VERIFIER.read_text()))
    assert imported == {"node:crypto", "node:fs"}


def test_both_know_the_rules_of_this_version() -> None:
    digest = hashlib.sha256(RULES.read_bytes()).hexdigest()
    told = (
        "state_rules.json was changed: add its SHA-256 to KNOWN_RULES in libs/evidence/replay.py and puhui-verify.mjs"
    )
    assert digest in KNOWN_RULES, told
    assert (
        set(
            re.search(r"KNOWN_RULES = new Set\(\[(.*?)\]\)", NODE_VERIFIER.read_text(), re.DOTALL)[1]
            .replace('"', "")
            .split(", ")
        )
        == KNOWN_RULES
    ), told


def test_what_is_sealed_and_erased_is_said_and_hinders_no_proof(small: Town) -> None:
    report = verify(small.bundle(1, {"applicant-1": "erased"}), trusted=small.keys)
    assert report.findings == []
    assert report.sealed == {"erased": 4}
    assert verify(small.bundle(2), trusted=small.keys).sealed == {}
