"""Faults in bundles, by seed: damage that anybody can do, and lies that whoever holds the issuer's key can sign."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.evidence.container import pack, unpack
from libs.evidence.notes import Note, Signer

Files: TypeAlias = dict[str, bytes]
Lie: TypeAlias = Callable[[random.Random, Files], None]


def clean(_random: random.Random, data: bytes) -> bytes:
    return data


def flip_a_bit(chance: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def cut_the_end_off(chance: random.Random, data: bytes) -> bytes:
    return data[: chance.randrange(len(data))]


def append_bytes(chance: random.Random, data: bytes) -> bytes:
    return data + chance.randbytes(chance.randrange(1, 40))


def swap_two_bytes(chance: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    one, other = chance.randrange(len(data)), chance.randrange(len(data))
    changed[one], changed[other] = changed[other], changed[one]
    return bytes(changed)


DAMAGE: Final = (flip_a_bit, cut_the_end_off, append_bytes, swap_two_bytes)


def _lines(files: Files, name: str) -> list[bytes]:
    return files[name].split(b"\n")[:-1]


def _put(files: Files, name: str, lines: list[bytes]) -> None:
    files[name] = b"".join(line + b"\n" for line in lines)


def _without(files: Files, places: set[int]) -> None:
    for name in ("events.ndjson", "proofs"):
        _put(files, name, [line for place, line in enumerate(_lines(files, name)) if place not in places])


def leave_an_event_out(chance: random.Random, files: Files) -> None:
    _without(files, {chance.randrange(len(_lines(files, "events.ndjson")))})


def leave_the_last_event_of_a_stream_out(chance: random.Random, files: Files) -> None:
    streams = [line.split(b'"stream":"')[-1].split(b'"')[0] for line in _lines(files, "events.ndjson")]
    chosen = chance.choice(streams)
    last = max(place for place, stream in enumerate(streams) if stream == chosen)
    _without(files, {last})
    claims = [line.split(b" ") for line in _lines(files, "streams")]
    for claim in claims:
        if claim[1] == chosen:
            claim[2] = b"%d" % (int(claim[2]) - 1)
    _put(files, "streams", [b" ".join(claim) for claim in claims])


def leave_a_stream_out(chance: random.Random, files: Files) -> None:
    streams = [line.split(b'"stream":"')[-1].split(b'"')[0] for line in _lines(files, "events.ndjson")]
    chosen = chance.choice(streams)
    _without(files, {place for place, stream in enumerate(streams) if stream == chosen})
    _put(files, "streams", [line for line in _lines(files, "streams") if line.split(b" ")[1] != chosen])


def deny_a_stream(chance: random.Random, files: Files) -> None:
    claims = _lines(files, "streams")
    there = [place for place, line in enumerate(claims) if line.split(b" ")[2] != b"0"]
    place = chance.choice(there)
    log, stream, _version, _key, _found, *siblings = claims[place].split(b" ")
    claims[place] = b" ".join([log, stream, b"0", b"-", b"0", *siblings])
    _put(files, "streams", claims)
    streams = [line.split(b'"stream":"')[-1].split(b'"')[0] for line in _lines(files, "events.ndjson")]
    _without(files, {place for place, each in enumerate(streams) if each == stream})


def change_a_digit(chance: random.Random, files: Files) -> None:
    lines = _lines(files, "events.ndjson")
    place = chance.randrange(len(lines))
    line = bytearray(lines[place])
    digit = chance.choice([at for at, byte in enumerate(line) if 48 <= byte <= 57])
    line[digit] = 48 + (line[digit] - 48 + chance.randrange(1, 10)) % 10
    lines[place] = bytes(line)
    _put(files, "events.ndjson", lines)


def swap_two_events(chance: random.Random, files: Files) -> None:
    lines = _lines(files, "events.ndjson")
    one, other = chance.sample(range(len(lines)), 2)
    lines[one], lines[other] = lines[other], lines[one]
    _put(files, "events.ndjson", lines)
    if chance.random() < 0.5:
        proofs = _lines(files, "proofs")
        proofs[one], proofs[other] = proofs[other], proofs[one]
        _put(files, "proofs", proofs)


def repeat_an_event(chance: random.Random, files: Files) -> None:
    place = chance.randrange(len(_lines(files, "events.ndjson")))
    for name in ("events.ndjson", "proofs"):
        lines = _lines(files, name)
        _put(files, name, [*lines[:place], lines[place], *lines[place:]])


def claim_another_state(chance: random.Random, files: Files) -> None:
    state = bytearray(files["state.json"])
    digit = chance.choice([at for at, byte in enumerate(state) if 48 <= byte <= 57])
    state[digit] = 48 + (state[digit] - 48 + chance.randrange(1, 10)) % 10
    files["state.json"] = bytes(state)


def change_a_hash(chance: random.Random, files: Files) -> None:
    name = chance.choice(["proofs", "streams", "consistency"])
    content = bytearray(files[name])
    digit = chance.choice([at for at, byte in enumerate(content) if byte in b"0123456789abcdef"])
    content[digit] = chance.choice(b"0123456789abcdef".replace(bytes([content[digit]]), b""))
    files[name] = bytes(content)


def exchange_heads(chance: random.Random, files: Files) -> None:
    one, other = chance.sample([name for name in files if name.startswith(("heads/", "anchors/"))], 2)
    files[one], files[other] = files[other], files[one]


def unsign_a_head(chance: random.Random, files: Files) -> None:
    name = chance.choice([name for name in files if name.startswith(("heads/", "anchors/"))])
    text, _, signatures = files[name].decode().rpartition("\n\n")
    lines = signatures.split("\n")[:-1]
    # A head needs its log's signature, an anchored one the witness's as well.
    del lines[chance.randrange(len(lines)) if name.startswith("anchors/") else 0]
    files[name] = f"{text}\n\n{''.join(line + chr(10) for line in lines)}".encode()


def move_an_event(chance: random.Random, files: Files) -> None:
    proofs = [line.split(b" ") for line in _lines(files, "proofs")]
    proof = chance.choice(proofs)
    proof[1] = b"%d" % (int(proof[1]) + chance.choice([1, -1, 2, 1000]) if int(proof[1]) else 7)
    _put(files, "proofs", [b" ".join(each) for each in proofs])


def change_a_key(chance: random.Random, files: Files) -> None:
    lines = _lines(files, "keys")
    place = chance.randrange(len(lines))
    lines[place] = (
        lines[place - 1].replace(b"/", b"/x", 1)
        if chance.random() < 0.5
        else Signer(
            lines[place].split(b"+")[0].decode(), Ed25519PrivateKey.from_private_bytes(chance.randbytes(32))
        ).verifier.text.encode()
    )
    _put(files, "keys", lines)


def exchange_the_rules(_chance: random.Random, files: Files) -> None:
    files["state_rules.json"] = files["state_rules.json"].replace(b"=ACTIVE", b"=SETTLED", 1)


LIES: Final[tuple[Lie, ...]] = (
    leave_an_event_out,
    leave_the_last_event_of_a_stream_out,
    leave_a_stream_out,
    deny_a_stream,
    change_a_digit,
    swap_two_events,
    repeat_an_event,
    claim_another_state,
    change_a_hash,
    exchange_heads,
    unsign_a_head,
    move_an_event,
    change_a_key,
    exchange_the_rules,
)


def signed_again(files: Mapping[str, bytes], issuer: Signer) -> bytes:
    """The bundle with a manifest that fits its files: what a liar with the issuer's key hands out."""
    text = Note.parse(files["manifest"].decode()).text
    kept = [line for line in text.split("\n")[:-1] if not line.startswith("file ")]
    digests = [f"file {sha256(content).hexdigest()} {name}" for name, content in files.items() if name != "manifest"]
    text = "\n".join([*kept, *digests]) + "\n"
    return pack({**files, "manifest": f"{text}\n{issuer.line(text)}".encode()})


def faulty(data: bytes, issuer: Signer, seed: int) -> tuple[str, bytes]:
    """A bundle with one fault and its name; one in ten has none."""
    chance = random.Random(seed)
    if seed % 10 == 0:
        return "none", data
    if seed % 10 in (1, 2, 3):
        damage = DAMAGE[chance.randrange(len(DAMAGE))]
        return damage.__name__, damage(chance, data)
    lie = LIES[seed % len(LIES)]
    files = dict(unpack(data))
    lie(chance, files)
    return lie.__name__, signed_again(files, issuer) if chance.random() < 0.8 else pack(files)
