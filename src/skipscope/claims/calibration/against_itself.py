"""Compares a network with itself: real runs of one arm under different seeds, as two arms. Only seeds differ.

The runs are of a small gated residual network on the embedded data set, on which every claim that compares
two networks can be measured. A study of these is five pairs of fresh runs; no run is in two studies, so that
their verdicts are independent.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from itertools import chain
from typing import Any

from skipscope.analysis.tables import StudyTables
from skipscope.claims.catalogue import catalogue
from skipscope.claims.evaluate import evaluate
from skipscope.claims.model import MINIMUM_SEEDS, ClaimResult
from skipscope.spec import Arm, StudySpec, parse_study
from skipscope.spec.comparison import Comparison

NAME = "calibration"
"""The study's name."""
ONE, OTHER = "one", "other"
PAIRS = MINIMUM_SEEDS
"""Pairs of a study: as few as a verdict takes."""
RUNS = 2 * PAIRS
COMPARISONS = (
    Comparison(treated=ONE, control=OTHER, factor="shortcut"),
    Comparison(treated=ONE, control=OTHER, factor="gate"),
    Comparison(treated=ONE, control=OTHER, factor="dense", matched="depth"),
    Comparison(treated=ONE, control=OTHER, factor="dense", matched="parameters"),
    Comparison(treated=ONE, control=OTHER, factor="network"),
)


@cache
def study(studies: int) -> StudySpec:
    """The runs of so many studies: ten each, half a minute a run."""
    return parse_study(
        {
            "name": NAME,
            "title": {"en": "A network against itself", "zh": "同一网络自相比较"},
            "data": "shapes",
            "train_limit": 1000,
            "seeds": RUNS * studies,
            "recipe": {
                "epochs": 6,
                "batch_size": 25,
                "learning_rate": 0.1,
                "augmentation": "flip",
                "precision": "fp32",
                "memory_format": "channels_last",
                "kernels": "stock",
                "threads": 1,
            },
            "arm": [{"model": "se_resnet8"}],
        },
        where="the calibration",
    )


def divided(tables: StudyTables) -> list[StudyTables]:
    """The finished runs as studies of two arms with five seeds each; runs that are left over are dropped."""
    entries = [entry for entry in tables.entries if entry.state == "done"]
    return [_study(tables, start) for start in range(0, len(entries) - RUNS + 1, RUNS)]


def _study(tables: StudyTables, start: int) -> StudyTables:
    """The study of ten finished runs from this one on."""
    entries = [entry for entry in tables.entries if entry.state == "done"][start : start + RUNS]
    model = tables.record.study.arm[0].model
    both = (Arm(model=model, name=ONE), Arm(model=model, name=OTHER))
    spec = tables.record.study.model_copy(update={"arm": both, "comparison": COMPARISONS, "seeds": PAIRS})
    members = tuple(
        replace(entry, arm=OTHER if index % 2 else ONE, seed=index // 2)
        for index, entry in enumerate(entries)
    )
    record = tables.record.model_copy(update={"study": spec})
    return replace(tables, record=record, entries=members, start=tables.start.clear())


def verdicts(tables: StudyTables) -> list[tuple[ClaimResult, ...]]:
    """The results of each study of the runs."""
    return list(map(evaluate, divided(tables)))


def rates(studies: Iterable[tuple[ClaimResult, ...]]) -> dict[str, dict[str, Any]]:
    """Shares of supported and contradicted studies, claim by claim, over studies of a network against itself.

    Of claims that hold between two runs of one network neither says anything; they are left out.
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for result in chain.from_iterable(studies):
        paired = ((each, each.effect) for each in result.counted if each.is_paired and not each.exact)
        compared = [each for each, effect in paired if effect and effect.n >= PAIRS]
        if catalogue()[result.id].true_of_itself or not compared:
            continue
        # parts of single networks would decide it otherwise
        said = {finding.verdict for finding in compared}
        counts[result.id][said.pop() if len(said) == 1 else "inconclusive"] += 1
    return {
        id: {
            "studies": count.total(),
            "supported": rounded(count["supported"] / count.total()),
            "contradicted": rounded(count["contradicted"] / count.total()),
        }
        for id, count in counts.items()
    }


def rounded(value: float) -> float:
    """A number to four significant digits, as `calibration.json` has it."""
    return float(f"{value:.4g}")
