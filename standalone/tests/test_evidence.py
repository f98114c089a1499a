"""`puhui verify` and `puhui log check` by hand: what they print, and how they end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from libs.evidence.container import unpack
from libs.evidence.heads import AnchorFiles
from libs.evidence.verify import verify
from standalone.cli import app
from tools.verify.example import ISSUER, Town, town
from tools.verify.faults import signed_again

RUN = CliRunner()


@pytest.fixture(scope="module")
def six(tmp_path_factory: pytest.TempPathFactory) -> Town:
    return town(tmp_path_factory.mktemp("town"), 6, document=b"%PDF signed")


@pytest.fixture
def bundle(six: Town, tmp_path: Path) -> Path:
    file = tmp_path / "evidence.zip"
    file.write_bytes(six.bundle(1))
    (tmp_path / "keys").write_text("\n".join(six.keys))
    return file


def anchored(six: Town, directory: Path) -> Path:
    """What was anchored of the town's logs."""
    files = AnchorFiles(directory)
    for name, log in six.logs.items():
        assert log.head is not None
        files.anchor(name, log.size, log.note, log.leaves)
    return directory


def test_a_sound_bundle_ends_with_0(six: Town, bundle: Path, tmp_path: Path) -> None:
    anchors = anchored(six, tmp_path / "anchors")
    given = [str(bundle), "--keys", str(tmp_path / "keys"), "--anchors", str(anchors)]
    done = RUN.invoke(app, ["verify", *given])
    assert done.exit_code == 0, done.output
    assert "is sound" in done.output
    assert "19, none left out of" in done.output
    report = json.loads(RUN.invoke(app, ["verify", *given, "--json"]).output)
    assert report["state"]["loan"]["loan_state"] == "ACTIVE"
    assert report["notes"] == []


def test_a_damaged_bundle_ends_with_1_and_says_what_is_wrong_where(bundle: Path) -> None:
    bundle.write_bytes(bundle.read_bytes().replace(b'"loan_state":"ACTIVE"', b'"loan_state":"CLOSED"'))
    done = RUN.invoke(app, ["verify", str(bundle), "--json"])
    assert done.exit_code == 1
    assert {each["code"] for each in json.loads(done.output)["findings"]} == {"container"}
    done = RUN.invoke(app, ["verify", str(bundle)])
    assert (done.exit_code, "is not sound" in done.output) == (1, True)


def test_a_history_that_is_not_the_one_that_was_anchored_is_told(six: Town, bundle: Path, tmp_path: Path) -> None:
    anchors = anchored(six, tmp_path / "anchors")
    leaves = bytearray((anchors / "ledger.leaves").read_bytes())
    leaves[0] ^= 1
    (anchors / "ledger.leaves").write_bytes(leaves)
    done = RUN.invoke(app, ["verify", str(bundle), "--anchors", str(anchors), "--json"])
    report = json.loads(done.output)
    assert {(each["code"], each["where"]) for each in report["findings"]} == {
        ("anchor", "heads/ledger"),
        ("anchor", "anchors/ledger"),
    }


def test_a_bundle_that_is_later_than_the_anchor_is_said_to_be(six: Town, bundle: Path, tmp_path: Path) -> None:
    done = RUN.invoke(app, ["verify", str(bundle), "--anchors", str(tmp_path / "nothing"), "--json"])
    report = json.loads(done.output)
    assert report["sound"]
    assert sum("later than what was anchored" in note for note in report["notes"]) == 14


def test_a_document_is_told_from_another(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "right.pdf").write_bytes(b"%PDF signed")
    (tmp_path / "wrong.pdf").write_bytes(b"%PDF forged")
    report = json.loads(
        RUN.invoke(app, ["verify", str(bundle), "--document", str(tmp_path / "right.pdf"), "--json"]).output
    )
    assert any("right.pdf is the document that event" in note for note in report["notes"])
    done = RUN.invoke(app, ["verify", str(bundle), "--document", str(tmp_path / "wrong.pdf"), "--json"])
    assert [each["where"] for each in json.loads(done.output)["findings"]] == ["wrong.pdf"]


def test_keys_that_are_not_trusted_are_told(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "others").write_text("sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8")
    done = RUN.invoke(app, ["verify", str(bundle), "--keys", str(tmp_path / "others"), "--json"])
    assert {each["code"] for each in json.loads(done.output)["findings"]} == {"keys", "head", "manifest"}


def test_a_trusted_witness_is_needed_whatever_keys_the_bundle_brings(six: Town, tmp_path: Path) -> None:
    files = dict(unpack(six.bundle(1)))
    files["keys"] = b"".join(line + b"\n" for line in files["keys"].split(b"\n")[:-2])
    for log in six.logs:
        text, _, signatures = files[f"anchors/{log}"].decode().rpartition("\n\n")
        files[f"anchors/{log}"] = f"{text}\n\n{signatures.splitlines()[0]}\n".encode()
    lie = signed_again(files, ISSUER)
    assert verify(lie).sound
    assert {each.code for each in verify(lie, trusted=six.keys).findings} == {"witness"}
