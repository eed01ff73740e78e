"""The level at which arms are compared, from made-up records."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_record import RECORD

from skipscope.analysis.equal_loss import common_level, lacks, levels, moments, snapshot_at
from skipscope.records.schema import Result, RunRecord, Snapshot
from skipscope.spec import Snapshots
from skipscope.spec.comparison import Comparison

LADDER = (2.0, 1.5, 1.0, 0.5)
NUMBERS = ("val_loss", "val_accuracy", "test_loss", "test_accuracy", "seconds", "train_seconds")
RESULT = Result(images_per_second=1.0, **dict.fromkeys(NUMBERS, 1.0))


def run(
    name: str, lowest: float | None, *, state: str = "done", ladder: tuple[float, ...] = LADDER
) -> RunRecord:
    """A run whose smoothed loss fell by 0.1 a step, down to `lowest`, and that watched this ladder."""
    reached = [level for level in ladder if lowest is not None and lowest < level]
    kept = tuple(
        Snapshot(step=round((2.5 - level) * 10), epoch=1, losses=(level,), smoothed=level)
        for level in reached
    )
    update = {"id": name, "state": state, "snapshots": kept}
    return RECORD.model_copy(update=update | {"result": RESULT.model_copy(update={"lowest_loss": lowest})})


def test_it_is_the_lowest_level_that_every_run_of_every_arm_reached() -> None:
    runs = {"a": {0: run("a0", 0.3), 1: run("a1", 0.9)}, "b": {0: run("b0", 1.2), 1: run("b1", 0.4)}}
    assert common_level(runs, ["a", "b"], LADDER) == 1.5
    assert common_level(runs, ["a"], LADDER) == 1.0
    assert common_level(runs, ["b", "a"], LADDER[:1]) == 2.0


def test_a_run_that_reached_no_level_leaves_none() -> None:
    runs = {"a": {0: run("a0", 0.3), 1: run("a1", 0.3)}, "b": {0: run("b0", 0.3), 1: run("b1", 2.2)}}
    assert common_level(runs, ["a", "b"], LADDER) is None
    assert common_level(runs, ["a"], LADDER) == 0.5
    assert common_level(runs, ["a", "c"], LADDER) is None
    assert common_level({}, ["a"], LADDER) is None
    assert common_level(runs, ["a"], ()) is None


@pytest.mark.parametrize("state", ["failed", "unfinished"])
def test_seeds_count_in_which_all_arms_finished(state: str) -> None:
    both = {0: run("a0", 0.3), 1: run("a1", 1.8)}
    runs = {"a": both, "b": {0: run("b0", 0.3), 1: run("b1", 0.3, state=state)}}
    assert common_level(runs, ["a", "b"], LADDER) == 0.5
    assert common_level(runs, ["a"], LADDER) == 2.0


def test_a_run_that_kept_nothing_is_left_out_with_its_pair() -> None:
    """It may be of an older version, or trained for a study without snapshots, or with another ladder."""
    for lacking in (run("b0", None), run("b0", 0.3, ladder=()), run("b0", 0.3, ladder=(2.0, 1.0))):
        runs = {"a": {0: run("a0", 1.8), 1: run("a1", 0.7)}, "b": {0: lacking, 1: run("b1", 0.9)}}
        assert lacks(lacking, Snapshots(losses=LADDER))
        assert common_level(runs, ["a", "b"], LADDER) == 1.0
    assert not lacks(run("b0", 2.2, ladder=()), Snapshots(losses=LADDER))  # it has none to keep


def test_epochs_that_were_asked_for_and_not_kept_are_lacking() -> None:
    made = run("a", 0.3)
    asked = Snapshots(losses=LADDER, epochs=True)
    assert lacks(made, asked)
    end = Snapshot(step=9, epoch=1, epoch_end=True, smoothed=1.6)
    ends = made.spec.recipe.epochs - 1
    assert not lacks(made.model_copy(update={"snapshots": (*made.snapshots, *[end] * ends)}), asked)


def test_each_comparison_has_its_level_and_each_run_the_steps_it_is_needed_at() -> None:
    runs = {"a": {0: run("a0", 0.3)}, "b": {0: run("b0", 0.4)}, "c": {0: run("c0", 1.1)}}
    near, far, again = (
        Comparison(treated=(one,), control=(other,), factor="network")
        for one, other in (("b", "a"), ("c", "a"), ("c", "b"))
    )
    gone = Comparison(treated=("d",), control=("a",), factor="network")  # measured as it starts only
    comparisons = [near, far, again, gone]
    assert levels(comparisons, runs, LADDER) == {near: 0.5, far: 1.5, again: 1.5, gone: None}
    at = {level: snapshot_at(runs["a"][0], level).step for level in LADDER}
    assert at == {2.0: 5, 1.5: 10, 1.0: 15, 0.5: 20}
    assert moments(comparisons, runs, LADDER) == {"a0": (10, 20), "b0": (10, 20), "c0": (10,)}


def test_pairs_with_an_arm_that_was_not_trained_do_not_set_the_level() -> None:
    runs = {"a": {0: run("a0", 0.3)}, "b": {0: run("b0", 0.4)}, "c": {0: run("c0", 1.1)}}
    several = Comparison(treated=("b", "c"), control=("a", "missing"), factor="network")
    assert levels([several], runs, LADDER) == {several: 0.5}


@given(st.lists(st.floats(0.1, 2.4), min_size=1, max_size=6))
def test_nobody_who_is_compared_lacks_the_level(lows: list[float]) -> None:
    runs = {"a": {seed: run(f"a{seed}", low) for seed, low in enumerate(lows)}}
    level = common_level(runs, ["a"], LADDER)
    reached = [level for level in LADDER if max(lows) < level]
    assert level == (min(reached) if reached else None)
