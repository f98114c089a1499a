"""Samples are drawn as their method says, and drawn again by anybody who knows the seed."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.audit import SamplingMethod
from services.audit.domain.sampling import File, draw, population_sha256

FILES = st.lists(st.tuples(st.integers(0, 10**9), st.sampled_from("ABC")), min_size=1, max_size=60).map(
    lambda rows: [File(f"app-{n:03d}", amount, stratum) for n, (amount, stratum) in enumerate(rows)]
)
METHODS = st.sampled_from(SamplingMethod)
RANDOM, STRATIFIED, MONETARY = SamplingMethod.RANDOM, SamplingMethod.STRATIFIED, SamplingMethod.MONETARY_UNIT


@given(METHODS, FILES, st.integers(1, 80), st.text(max_size=5))
def test_the_same_seed_draws_the_same_files_each_once_and_from_the_population(
    method: SamplingMethod, files: list[File], size: int, seed: str
) -> None:
    drawn = draw(method, files, size, seed)
    assert drawn == draw(method, list(files), size, seed)
    names = [file.application_id for file in drawn]
    assert len(set(names)) == len(names) <= size
    assert set(names) <= {file.application_id for file in files}


@given(st.sampled_from([RANDOM, STRATIFIED]), FILES, st.integers(1, 80), st.text(max_size=5))
def test_as_many_files_as_asked_for_while_there_are_so_many(
    method: SamplingMethod, files: list[File], size: int, seed: str
) -> None:
    assert len(draw(method, files, size, seed)) == min(size, len(files))


@given(FILES, st.integers(1, 80), st.text(max_size=5))
def test_strata_have_their_share_to_the_file(files: list[File], size: int, seed: str) -> None:
    size = min(size, len(files))
    drawn = Counter(file.stratum for file in draw(STRATIFIED, files, size, seed))
    for stratum, count in Counter(file.stratum for file in files).items():
        assert count * size // len(files) <= drawn[stratum] <= -(-count * size // len(files))


@given(FILES, st.integers(1, 80), st.text(max_size=5))
def test_a_file_larger_than_the_interval_is_drawn_for_certain_and_hits_add_up(
    files: list[File], size: int, seed: str
) -> None:
    total = sum(file.amount_minor for file in files)
    drawn = {file.application_id: file.hits for file in draw(MONETARY, files, size, seed)}
    if total == 0:
        assert not drawn
        return
    interval = -(-total // size)
    for file in files:
        hits = drawn.get(file.application_id, 0)
        assert file.amount_minor // interval <= hits <= -(-file.amount_minor // interval)
    assert sum(drawn.values()) in (total // interval, -(-total // interval))


def test_seeds_draw_differently_and_a_file_s_chance_is_its_amount_s_share() -> None:
    files = [File(f"app-{n}", 1000 + 9000 * (n == 7), "A") for n in range(20)]
    times = Counter(file.application_id for seed in range(400) for file in draw(MONETARY, files, 2, str(seed)))
    assert 200 <= times["app-7"] <= 400 * 2 * 10_000 / 29_000 * 1.25
    assert all(15 <= times[f"app-{n}"] <= 45 for n in range(20) if n != 7)
    assert len({tuple(draw(RANDOM, files, 3, str(seed))) for seed in range(30)}) > 20


def test_a_population_is_told_from_another() -> None:
    one = [File("a", 1, "A"), File("b", 2, "A")]
    assert population_sha256(one) == population_sha256(list(one))
    assert population_sha256(one) != population_sha256(one[::-1])
    assert population_sha256(one) != population_sha256([File("a", 1, "A"), File("b", 2, "B")])
