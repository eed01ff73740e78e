"""A network against itself: real runs of one arm, dealt to two by chance, so that nothing but seeds differs.

The runs are of a small gated residual network on the embedded data set, which every claim that compares two
networks can be asked of. Dealing them out anew gives more verdicts of the same runs; they are no more
independent for that.
"""

from dataclasses import replace
from functools import cache

import numpy as np

from skipscope.analysis.tables import StudyTables
from skipscope.claims.evaluate import evaluate
from skipscope.claims.model import Result
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
    """What is trained: two runs a pair, half a minute each."""
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


def dealt(tables: StudyTables, rng: np.random.Generator) -> StudyTables:
    """The same runs as two arms of half as many seeds each."""
    entries = [entry for entry in tables.entries if entry.state == "done"]
    pairs = len(entries) // 2
    order = rng.permutation(len(entries))[: 2 * pairs].tolist()
    model = tables.record.study.arm[0].model
    both = (Arm(model=model, name=ONE), Arm(model=model, name=OTHER))
    spec = tables.record.study.model_copy(update={"arm": both, "comparison": COMPARISONS, "seeds": pairs})
    return StudyTables(
        record=tables.record.model_copy(update={"study": spec}),
        entries=tuple(
            replace(entries[which], arm=OTHER if place % 2 else ONE, seed=place // 2)
            for place, which in enumerate(order)
        ),
        metrics=tables.metrics,
        raw_readings=tables.raw_readings,
        right=tables.right,
    )


def verdicts(tables: StudyTables, splits: int) -> list[tuple[Result, ...]]:
    """Of the runs dealt out so often."""
    return [evaluate(dealt(tables, np.random.default_rng(split))) for split in range(splits)]
