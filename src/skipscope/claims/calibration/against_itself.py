"""Compares a network with itself: real runs of one arm, randomly divided into two; only seeds differ.

The runs are of a small gated residual network on the embedded data set, on which every claim that compares
two networks can be measured. Dividing the runs again gives further verdicts, which are not independent.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from itertools import chain
from typing import Any

import numpy as np

from skipscope.analysis.tables import StudyTables
from skipscope.claims.catalogue import catalogue
from skipscope.claims.evaluate import evaluate
from skipscope.claims.model import MINIMUM_SEEDS, ClaimResult
from skipscope.spec import Arm, StudySpec, parse_study
from skipscope.spec.comparison import Comparison

ONE, OTHER = "one", "other"
COMPARISONS = (
    Comparison(treated=ONE, control=OTHER, factor="shortcut"),
    Comparison(treated=ONE, control=OTHER, factor="gate"),
    Comparison(treated=ONE, control=OTHER, factor="dense", matched="depth"),
    Comparison(treated=ONE, control=OTHER, factor="dense", matched="parameters"),
    Comparison(treated=ONE, control=OTHER, factor="network"),
)


@cache
def study(pairs: int) -> StudySpec:
    """The study of a calibration: two runs a pair, half a minute each."""
    return parse_study(
        {
            "name": "calibration",
            "title": {"en": "A network against itself", "zh": "同一网络自相比较"},
            "data": "shapes",
            "train_limit": 1000,
            "seeds": 2 * pairs,
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


def divided(tables: StudyTables, rng: np.random.Generator) -> StudyTables:
    """The same runs as two arms with half as many seeds each."""
    entries = [entry for entry in tables.entries if entry.state == "done"]
    pairs = len(entries) // 2
    order = rng.permutation(len(entries))[: 2 * pairs].tolist()
    model = tables.record.study.arm[0].model
    both = (Arm(model=model, name=ONE), Arm(model=model, name=OTHER))
    spec = tables.record.study.model_copy(update={"arm": both, "comparison": COMPARISONS, "seeds": pairs})
    members = (
        replace(entries[which], arm=OTHER if index % 2 else ONE, seed=index // 2)
        for index, which in enumerate(order)
    )
    record = tables.record.model_copy(update={"study": spec})
    return replace(tables, record=record, entries=tuple(members), start=tables.start.clear())


def verdicts(tables: StudyTables, splits: int) -> list[tuple[ClaimResult, ...]]:
    """The results of each random division of the runs."""
    return [evaluate(divided(tables, np.random.default_rng(split))) for split in range(splits)]


def rates(splits: Iterable[tuple[ClaimResult, ...]]) -> dict[str, dict[str, Any]]:
    """False-positive rate and spread of a pair's difference, claim by claim, over divisions of the runs."""
    counts: dict[str, Counter[bool]] = defaultdict(Counter)
    spreads: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for result in chain.from_iterable(splits):
        paired = ((each, each.effect) for each in result.counted if each.is_paired and not each.exact)
        compared = [(each, effect) for each, effect in paired if effect and effect.n >= MINIMUM_SEEDS]
        if catalogue()[result.id].true_of_itself or not compared:
            continue
        # no correction for several claims softens it
        supported = all(finding.verdict == "supported" for finding, _ in compared)
        counts[result.id][supported] += 1
        for finding, effect in compared:
            spreads[result.id][finding.part].append(effect.spread)
    return {
        id: {
            "splits": count.total(),
            "false_supported": rounded(count[True] / count.total()),
            "spread": {part: rounded(float(np.median(each))) for part, each in spreads[id].items()},
        }
        for id, count in counts.items()
    }


def rounded(value: float) -> float:
    """A number to four significant digits, as `calibration.json` has it."""
    return float(f"{value:.4g}")
