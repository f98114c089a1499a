"""A witness over HTTP co-signs what extends what it has seen, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from libs.evidence.anchors import NotWitnessed, WitnessClient
from libs.evidence.keys import signer_from
from libs.evidence.log import Log
from libs.evidence.notes import COSIGNATURE, Note, encoded
from libs.evidence.tests.given import ORIGIN, Entries, grown, opened, signer
from libs.evidence.witness import Witness, WitnessServer


@dataclass
class Running:
    url: str
    witness: Witness


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    directory = tmp_path / "witness"
    directory.mkdir()
    (directory / "logs").write_text(signer().verifier.text + "\n")
    witness = Witness(
        directory, signer_from(directory / "witness.key", "witness.test", COSIGNATURE), directory / "logs"
    )
    with WitnessServer("127.0.0.1", 0, witness) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Running(f"http://127.0.0.1:{server.server_port}", witness)
        server.shutdown()
        thread.join()


def cosigned(client: WitnessClient, log: Log) -> str:
    return client.cosign(ORIGIN, log.note, log.consistency, log.size)


def test_heads_that_extend_one_another_are_cosigned(tmp_path: Path, running: Running) -> None:
    source, client = Entries(700), WitnessClient(running.url)
    log = opened(tmp_path, source)
    for size in (5, 300, 300, 700):
        grown(log, source, size) if size > log.size else log.sign("2026-02-02T01:00:00Z")
        note = Note.parse(cosigned(client, log))
        assert note.confirmed_by([client.key()]) == [client.key()]
        assert note.confirmed_by([signer().verifier])
    assert Note.parse(client.last(ORIGIN)).text == Note.parse(log.note).text
    restarted = WitnessClient(running.url)
    assert cosigned(restarted, log), "the witness itself says what it has seen"


def test_what_it_saw_outlives_it(tmp_path: Path, running: Running) -> None:
    source = Entries(700)
    log = grown(opened(tmp_path, source), source, 300)
    cosigned(WitnessClient(running.url), log)
    running.witness._seen.clear()  # as after a start
    rewound = grown(opened(tmp_path / "other", source), source, 200)
    with pytest.raises(NotWitnessed, match="this head is of 200"):
        cosigned(WitnessClient(running.url), rewound)


def test_another_history_is_not_cosigned(tmp_path: Path, running: Running) -> None:
    source, client = Entries(700), WitnessClient(running.url)
    cosigned(client, grown(opened(tmp_path, source), source, 300))
    source.held[7], source.held[8] = source.held[8], source.held[7]
    other = grown(opened(tmp_path / "other", source), source, 300)
    with pytest.raises(NotWitnessed, match="another head"):
        cosigned(client, other)
    with pytest.raises(NotWitnessed, match="does not extend"):
        cosigned(client, grown(other, source, 700))


def test_only_logs_that_are_watched_and_heads_that_they_signed(tmp_path: Path, running: Running) -> None:
    source, client = Entries(10), WitnessClient(running.url)
    log = grown(opened(tmp_path, source), source, 10)
    stranger = signer("puhui.test/stranger")
    text = log.note.replace(ORIGIN, stranger.name)
    with pytest.raises(NotWitnessed, match="not watched"):
        client.cosign(stranger.name, text, log.consistency, 10)
    with pytest.raises(NotWitnessed, match="did not sign"):
        client.cosign(ORIGIN, f"{log.head.text}\n{signer(number=7).line(log.head.text)}", log.consistency, 10)
    with pytest.raises(NotWitnessed):
        client.last(ORIGIN)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 400),
        ("old x\n\n", 400),
        ("old 0\nAAAA\n\n", 400),
        ("old 0\n\nno note", 400),
        (f"old 0\n{encoded(bytes(32))}\n" * 64, 400),
        ("old 0\n\n" + "x" * 20_000, 413),
    ],
)
def test_a_request_that_is_none_is_told_so(running: Running, body: str, status: int) -> None:
    assert WitnessClient(running.url)._post(body)[0] == status


def test_a_proof_for_nothing_is_refused(tmp_path: Path, running: Running) -> None:
    source = Entries(10)
    log = grown(opened(tmp_path, source), source, 10)
    status, _ = WitnessClient(running.url)._post(f"old 0\n{encoded(bytes(32))}\n\n{log.note}")
    assert status == 422
    status, _ = WitnessClient(running.url)._post(f"old 11\n\n{log.note}")
    assert status == 400


def test_a_witness_that_is_not_there_is_told() -> None:
    with pytest.raises(NotWitnessed, match="does not answer"):
        WitnessClient("http://127.0.0.1:9").key()
