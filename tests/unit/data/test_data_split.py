"""The splits: fixed, stratified, the same everywhere."""

from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skipscope.data import split
from skipscope.errors import UsageError

LABELS = (np.arange(2_000) % 10).astype(np.uint8)


def test_hold_out_takes_the_same_number_of_every_class_and_loses_none() -> None:
    train, validation = split.hold_out(LABELS, per_class=20)
    assert np.bincount(LABELS[validation]).tolist() == [20] * 10
    assert np.array_equal(np.sort(np.concatenate([train, validation])), np.arange(2_000))
    assert (np.diff(train) > 0).all()
    assert (np.diff(validation) > 0).all()


def test_hold_out_never_changes() -> None:
    _, validation = split.hold_out(LABELS, per_class=2)
    digest = sha256(validation.astype("<i8").tobytes()).hexdigest()
    assert digest == "36df3ac8e104321f8c4a8aa078b8f552498b079074212b609927e15b0a6ad713"


def test_hold_out_is_no_pattern_of_the_rows() -> None:
    _, validation = split.hold_out(LABELS, per_class=100)
    first, second = validation[: len(validation) // 2], validation[len(validation) // 2 :]
    assert abs(np.mean(first) - 500) < 60
    assert abs(np.mean(second) - 1_500) < 60


@given(limit=st.integers(10, 1_900), more=st.integers(0, 100), seed=st.none() | st.integers(0, 99))
def test_subset_is_stratified_ascending_and_grows(limit: int, more: int, seed: int | None) -> None:
    rows = np.arange(0, 2_000)
    small, large = (split.subset(LABELS, rows, each, seed=seed) for each in (limit, limit + more))
    assert len(small) == len(np.unique(small)) == limit
    assert (np.diff(small) > 0).all()
    counts = np.bincount(LABELS[small], minlength=10)
    assert counts.max() - counts.min() <= 1
    assert set(small) <= set(large)


@pytest.mark.parametrize(
    ("seed", "digest"),
    [
        (None, "fd1546098cfa6cc6"),  # of runs that exist
        (0, "a09a790f012cf7ed"),
        (1, "ffa9779179aabf0d"),
    ],
)
def test_subset_of_a_seed_never_changes(seed: int | None, digest: str) -> None:
    chosen = split.subset(LABELS, np.arange(2_000), 100, seed=seed)
    assert sha256(chosen.astype("<i8").tobytes()).hexdigest()[:16] == digest


def test_subsets_of_seeds_overlap_as_chance_has_it_and_a_whole_one_is_the_same() -> None:
    rows = np.arange(2_000)
    one, other = (set(split.subset(LABELS, rows, 1_000, seed=seed)) for seed in (3, 4))
    # about half are the other's, too: a hypergeometric count's standard deviation is 11; five of them
    assert abs(len(one & other) - 500) < 55
    assert all(np.array_equal(split.subset(LABELS, rows, 2_000, seed=seed), rows) for seed in (None, 3, 4))


def test_subset_keeps_the_shares_of_uneven_classes() -> None:
    labels = np.repeat(np.array([0, 1], dtype=np.uint8), [900, 100])
    chosen = split.subset(labels, np.arange(1_000), 50)
    assert np.bincount(labels[chosen]).tolist() == [45, 5]


def test_subset_takes_from_the_given_rows_only() -> None:
    rows = np.arange(500, 1_000)
    assert set(split.subset(LABELS, rows, 100)) <= set(rows)
    assert np.array_equal(split.subset(LABELS, rows, 500), rows)


@pytest.mark.parametrize("limit", [0, 9, 501])
def test_subset_says_how_many_there_are(limit: int) -> None:
    with pytest.raises(UsageError, match=f"{limit} images cannot be met(.|\n)*500 images of 10 classes"):
        split.subset(LABELS, np.arange(500), limit)
