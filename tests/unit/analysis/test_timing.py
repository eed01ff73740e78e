"""What times were taken beside."""

import pytest

from skipscope.analysis.timing import at_once, comparable
from skipscope.records.schema import Environment, Result, RunRecord

ENVIRONMENT = Environment(versions={}, machine={"system": "Linux"}, threads=1, git=None)


def run(start, end, **environment):
    """A finished run between two minutes of an hour; of the rest of its record nothing is read."""
    return RunRecord.model_construct(
        started=f"2025-11-03T18:{start:02}:00Z",
        finished=f"2025-11-03T18:{end:02}:00Z",
        environment=ENVIRONMENT.model_copy(update=environment),
        result=Result.model_construct(),
    )


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([(0, 5)], (1, 1)),
        ([(0, 5), (5, 9)], (1, 1)),  # one after the other
        ([(0, 5), (4, 9)], (2, 2)),
        ([(0, 9), (0, 4), (4, 9), (9, 12)], (1, 2)),
        ([(0, 9), (1, 3), (2, 4), (5, 6)], (2, 3)),
        ([], (1, 1)),
    ],
)
def test_runs_in_progress_at_once(spans, expected):
    assert at_once([run(*span) for span in spans]) == expected


def test_times_compare_on_one_machine_with_as_many_threads():
    assert comparable([])
    assert comparable([run(0, 5), run(5, 9)])
    assert not comparable([run(0, 5), run(5, 9, threads=8)])
    assert not comparable([run(0, 5), run(5, 9, machine={"system": "another"})])
    assert comparable([run(0, 5), run(5, 9, machine={"system": "Linux", "nondeterministic": "an_operator"})])
    unfinished = run(5, 9, threads=8).model_copy(update={"result": None})
    assert comparable([run(0, 5), unfinished])
