"""Notes, heads and keys: what was signed is read again, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.evidence.notes import COSIGNATURE, Head, NotANote, Note, Verifier, decoded, number
from libs.evidence.tests.given import signer

HEAD = Head("puhui.test/ledger", 42, bytes(range(32)), 7, bytes(32), "2026-02-02T03:04:05.000006Z")
LOG, WITNESS = signer(), signer("witness.test", 2, COSIGNATURE)
NOTE = f"{HEAD.text}\n{LOG.line(HEAD.text)}{WITNESS.line(HEAD.text, 1_770_000_000)}"


def test_a_head_is_signed_and_cosigned() -> None:
    note = Note.parse(NOTE)
    assert Head.parse(note.text) == HEAD
    assert note.confirmed_by([LOG.verifier, WITNESS.verifier]) == [LOG.verifier, WITNESS.verifier]
    assert note.confirmed_by([signer(number=3).verifier]) == []


def test_keys_are_handed_out_as_text() -> None:
    for key in (LOG.verifier, WITNESS.verifier):
        assert Verifier.parse(key.text) == key


def test_the_public_example_of_a_key_has_its_id() -> None:
    # The key of Go's checksum database, sum.golang.org, as it is published.
    key = Verifier.parse("sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8")
    assert key.name == "sum.golang.org"


@given(st.integers(0, len(NOTE) - 1), st.characters(codec="utf-8"))
def test_an_altered_note_is_confirmed_by_neither_or_is_another_note(place: int, character: str) -> None:
    altered = NOTE[:place] + character + NOTE[place + 1 :]
    try:
        confirmed = Note.parse(altered).confirmed_by([LOG.verifier, WITNESS.verifier])
    except NotANote:
        return
    assert altered == NOTE or len(confirmed) < 2


def test_a_cosignature_binds_its_time() -> None:
    line = WITNESS.line(HEAD.text, 1_770_000_000)
    blob = bytearray(Note.parse(f"{HEAD.text}\n{line}").signatures[0][2])
    assert WITNESS.verifier.confirms(HEAD.text, bytes(blob))
    blob[7] ^= 1
    assert not WITNESS.verifier.confirms(HEAD.text, bytes(blob))
    assert not WITNESS.verifier.confirms(HEAD.text, bytes(blob[:10]))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n1\n",
        HEAD.text.replace("42", "042"),
        HEAD.text.replace("42", "-1"),
        HEAD.text.replace("streams 7", "streams"),
        HEAD.text.replace("Z", "+01:00"),
        HEAD.text.replace("=\n", "\n", 1),
        HEAD.text + "more\n",
        HEAD.text.replace("puhui.test/ledger", "two words"),
    ],
)
def test_what_is_not_of_its_form_is_no_head(text: str) -> None:
    with pytest.raises(NotANote):
        Head.parse(text)


@pytest.mark.parametrize(
    "text", ["", "no signature\n", "text\n\n", "text\n\nnot a signature\n", "text\n\n— name QUJD\n"]
)
def test_what_is_not_of_its_form_is_no_note(text: str) -> None:
    with pytest.raises(NotANote):
        Note.parse(text)


@pytest.mark.parametrize("text", ["", "name", "name+00000000+AQ==", LOG.verifier.text.replace("+", "+f", 1)])
def test_what_is_not_of_its_form_is_no_key(text: str) -> None:
    with pytest.raises(NotANote):
        Verifier.parse(text)


def test_numbers_and_bytes_have_one_form() -> None:
    assert number("0") == 0
    assert decoded("AA==") == b"\0"
    for wrong in ("", "00", "+1", "1 ", "1e3"):
        with pytest.raises(NotANote):
            number(wrong)
    for wrong in ("AB==", "AA", "A A=", "é"):
        with pytest.raises(NotANote):
            decoded(wrong)
