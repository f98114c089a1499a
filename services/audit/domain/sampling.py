"""Sampling of files for an audit: drawn by a seed, so that anybody can draw the same ones again.

Chance comes from SHA-256 of the seed and a file's identifier, whole numbers throughout: the same on every machine.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from libs.contracts.audit import SampledFile, SamplingMethod


@dataclass(frozen=True, slots=True)
class File:
    """A file of the population: an application with its amount, and the stratum that it belongs to."""

    application_id: str
    amount_minor: int
    stratum: str


def population_sha256(files: Sequence[File]) -> str:
    """Names a population, so that a sample can be drawn again from the same one."""
    lines = (f"{file.application_id} {file.amount_minor} {file.stratum}\n" for file in files)
    return sha256("".join(lines).encode()).hexdigest()


def draw(method: SamplingMethod, files: Sequence[File], size: int, seed: str) -> list[SampledFile]:
    """At most `size` files, in the order of the population (with monetary units fewer, where one holds several)."""
    assert size >= 1, "a sample has a size"
    if method is SamplingMethod.MONETARY_UNIT:
        return _monetary_unit(files, size, seed)
    drawn = _random(files, size, seed) if method is SamplingMethod.RANDOM else _stratified(files, size, seed)
    chosen = {file.application_id for file in drawn}
    return [_sampled(file) for file in files if file.application_id in chosen]


def _random(files: Sequence[File], size: int, seed: str) -> list[File]:
    return sorted(files, key=lambda file: _chance(seed, file.application_id))[:size]


def _stratified(files: Sequence[File], size: int, seed: str) -> list[File]:
    """In proportion to the number of files of each stratum, by largest remainders; a stratum is never overdrawn."""
    strata: dict[str, list[File]] = defaultdict(list)
    for file in files:
        strata[file.stratum].append(file)
    size = min(size, len(files))
    parts = {stratum: divmod(len(members) * size, len(files)) for stratum, members in strata.items()}
    left = size - sum(whole for whole, _ in parts.values())
    extra = set(sorted(parts, key=lambda stratum: (-parts[stratum][1], stratum))[:left])
    drawn = []
    for stratum, members in sorted(strata.items()):
        drawn += _random(members, parts[stratum][0] + (stratum in extra), f"{seed}/{stratum}")
    return drawn


def _monetary_unit(files: Sequence[File], size: int, seed: str) -> list[SampledFile]:
    """Every nth fen from a random one on: a file is drawn with a chance in proportion to its amount, and one that is
    larger than the interval for certain (systematic selection; AICPA Audit Sampling, 6)."""
    total = sum(file.amount_minor for file in files)
    if total == 0:
        return []
    interval = -(-total // size)
    next_hit = _chance(seed, "start") % interval
    drawn, reached = [], 0
    for file in files:
        reached += file.amount_minor
        hits = 0
        while next_hit < reached:
            hits += 1
            next_hit += interval
        if hits:
            drawn.append(_sampled(file, hits))
    return drawn


def _sampled(file: File, hits: int = 1) -> SampledFile:
    return SampledFile(
        application_id=file.application_id, stratum=file.stratum, amount_minor=file.amount_minor, hits=hits
    )


def _chance(seed: str, name: str) -> int:
    return int.from_bytes(sha256(f"{len(seed)}/{seed}/{name}".encode()).digest(), "big")
