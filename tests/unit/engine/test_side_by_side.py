"""How many runs go side by side."""

import pytest

from skipscope.api.plans import short_of_memory
from skipscope.data.dataset import load
from skipscope.engine import autotune
from skipscope.engine.autotune import Autotuner, Timing, stock
from skipscope.engine.plan import plan
from skipscope.engine.side_by_side import PROBES, WORKER, SideBySide, side_by_side, worker_bytes
from skipscope.records.store import Workspace
from skipscope.spec import StudySpec

GIB = 2**30


@pytest.mark.parametrize(
    ("workers", "free", "asked", "jobs", "fits"),
    [
        ([GIB] * 9, 8 * GIB, False, 4, True),
        ([GIB] * 9, 3 * GIB, False, 3, False),
        ([GIB] * 9, 3 * GIB, True, 4, False),
        ([GIB] * 9, None, False, 4, True),
        ([9 * GIB], 3 * GIB, False, 1, False),
        ([GIB, GIB, 5 * GIB, 3 * GIB], 8 * GIB, False, 2, False),  # the largest two may meet
        ([], 0, False, 4, True),
    ],
)
def test_as_many_as_fit(workers: list[int], free: int | None, asked: bool, jobs: int, fits: bool) -> None:
    found = side_by_side(workers, 4, free, asked=asked)
    assert (found.jobs, found.fits, found.wanted) == (jobs, fits, 4)


def test_a_worker_s_memory_grows_with_its_batch_and_holds_its_weights_several_times() -> None:
    timing = Timing(seconds=1, agreement=1, grown=4 * 2**20 + 64 * 10 * 2**20, weights=2**20)
    assert worker_bytes(timing, 64) == pytest.approx(WORKER + 4 * 2**20 + 1.3 * 640 * 2**20)
    assert worker_bytes(timing, 128) == pytest.approx(WORKER + 4 * 2**20 + 1.3 * 1280 * 2**20)
    assert worker_bytes(timing, 1) == WORKER + 4 * 2**20 + PROBES  # measuring takes more than training
    assert worker_bytes(Timing(seconds=1, agreement=1), 128) == WORKER + PROBES  # nothing is known


@pytest.mark.parametrize(("jobs", "planned"), [(None, 2), (3, 3)])
def test_the_plan_lowers_the_jobs_where_memory_is_short(
    small: StudySpec, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, jobs: int | None, planned: int
) -> None:
    monkeypatch.setattr("skipscope.engine.plan.cores", lambda: 4)
    monkeypatch.setattr("skipscope.engine.plan.free_memory", lambda: 2 * (WORKER + PROBES) + 2**26)
    found = plan(small.model_copy(update={"seeds": 4}), workspace, command="x", jobs=jobs)
    assert (found.jobs, found.memory.wanted, found.memory.fits) == (planned, jobs or 4, False)


def test_the_plan_says_why() -> None:
    lowered = SideBySide(jobs=2, wanted=8, needed=30 * GIB, free=12 * GIB)
    assert short_of_memory(lowered) == (
        "2 at a time, not 8: 8 runs side by side would need about 30.0 GiB of memory, and 12.0 GiB is free"
    )
    asked = SideBySide(jobs=8, wanted=8, needed=30 * GIB, free=12 * GIB)
    assert "only 12.0 GiB is free" in short_of_memory(asked)


def test_a_timing_from_before_memory_was_looked_at_keeps_its_seconds(
    small: StudySpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = load(small.data, train_limit=small.train_limit)
    tuner = Autotuner(data)
    key = f"cnn: {stock(5)}"
    tuner.known[key] = Timing(seconds=7, agreement=0.5)
    monkeypatch.setattr(autotune, "_measure", lambda *_: Timing(seconds=1, agreement=1, grown=3, weights=2))
    assert tuner.timing("cnn", stock(5)) == Timing(seconds=7, agreement=0.5, grown=3, weights=2)
    assert Autotuner(data).known[key] == tuner.known[key]
