"""What the times of a study's runs were taken beside: other runs, threads, machines."""

from collections.abc import Iterable
from datetime import datetime

from skipscope.records.schema import RunRecord


def at_once(records: Iterable[RunRecord]) -> tuple[int, int]:
    """Counts the runs in progress while each finished run was, at most: the least and the most of them.

    A run is in progress from its start to its end, pauses included; (1, 1) if each was alone.
    """
    spans = [
        (datetime.fromisoformat(each.started), datetime.fromisoformat(each.finished))
        for each in records
        if each.result is not None and each.finished is not None
    ]
    most = []
    for start, end in spans:
        # a maximum is reached as a run begins
        begun = [max(start, other) for other, ended in spans if other < end and ended > start]
        most.append(max((sum(s <= at < e for s, e in spans) for at in begun), default=1))
    return (min(most), max(most)) if most else (1, 1)


def comparable(records: Iterable[RunRecord]) -> bool:
    """Tells whether all finished runs had the same machine and number of threads."""
    environments = [each.environment for each in records if each.result is not None]
    # which operators of an accelerator repeat no bits is the network's, not the machine's
    known = [
        ({key: value for key, value in each.machine.items() if key != "nondeterministic"}, each.threads)
        for each in environments
    ]
    return all(each == known[0] for each in known)
