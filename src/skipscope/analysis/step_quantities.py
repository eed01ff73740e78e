"""What claims compare of the steps of a training, by name: a number of each run."""

import polars as pl

from skipscope.analysis import measured
from skipscope.analysis.measured import RUN
from skipscope.analysis.per_run import (
    FinishedRuns,
    Quantity,
    Series,
    at_start,
    logarithm,
    of_run,
    typical_steps,
    unless_lost,
)

HEALED = 3.0
"""The loss gradient at the first convolution over that at the last, at or below which none explodes."""
WINDOW = 50
"""Steps before a moment by which it is judged how steadily the loss falls there."""
LAST = 20
"""Steps at the end of a training over which its loss is averaged."""


def first_over_last(runs: FinishedRuns) -> pl.DataFrame:
    """Log10 of the loss gradient by the first convolution's output over the last's: arm, seed, step, value.

    Over `typical_steps`; null where a gradient is 0 or not finite.
    """
    rows = typical_steps(runs, measured.series(runs.readings, "gradient ratio"))
    return rows.with_columns(value=logarithm(10))


def in_training(value: pl.Expr) -> Quantity:
    """Makes a quantity of `first_over_last`: the median over steps, null where one is."""
    return lambda runs: of_run(first_over_last(runs), unless_lost(value.median(), "value"))


def steps_until_healed(runs: FinishedRuns) -> Series:
    """Log2 of the first measured step at which the first gradient is at most `HEALED` times the last.

    Step 1 has the weights of the start, so it is 0 of what never exploded. A run in which this never comes
    is **censored**: it is given its last measured step, which is too early. A difference to it is therefore
    nearer to 0 than the true one, or 0 if both are censored. A gradient that is not finite has not healed.
    """
    rows = measured.series(runs.readings, "gradient ratio").filter(pl.col("step") > 0)
    healed = pl.col("step").filter(pl.col("value") <= HEALED).min()
    return of_run(rows, healed.fill_null(pl.col("step").max()).log(2))


def unevenness_of_updates(runs: FinishedRuns) -> Series:
    """Standard deviation over layers of the log2 of |update| / |weight|, at the last step that was measured.

    Null where a layer did not move at all, or moved without bound.
    """
    rows = measured.of_probe(runs.readings, "update_ratio")
    last = rows.filter(pl.col("step") == pl.col("step").max().over(RUN)).with_columns(value=logarithm(2))
    return of_run(last, unless_lost(pl.col("value").std(), "value"))


def unsteadiness_now(runs: FinishedRuns) -> Series:
    """Log2 of the median |change of the loss's logarithm| from step to step, in the last `WINDOW` steps."""
    rows = runs.metrics.select(*RUN, "kind", "step", "loss").filter(pl.col("kind") == "step").drop("kind")
    last = rows.filter(pl.col("step") > pl.col("step").max().over(RUN) - WINDOW)
    return of_run(last, pl.col("loss").log().diff().abs().median().log(2))


def update_of(step: pl.Expr, layer: pl.Expr) -> Quantity:
    """Makes a quantity of updates: log10 of |update| / |weight|, at one measured step and of one layer."""

    def quantity(runs: FinishedRuns) -> Series:
        rows = measured.of_probe(runs.readings, "update_ratio")
        return of_run(rows.filter(pl.col("step") == step.over(RUN)).with_columns(value=logarithm(10)), layer)

    return quantity


def _spread(logs: pl.Expr) -> pl.Expr:
    """The largest minus the smallest over all layers but the last, the classifier."""
    hidden = logs.head(pl.len() - 1)
    return unless_lost(hidden.max() - hidden.min(), "value")


def loss_at_the_end(runs: FinishedRuns) -> Series:
    """Averages the training loss over the last `LAST` steps, in nats."""
    steps = runs.metrics.filter(pl.col("kind") == "step").select(*RUN, "step", "loss")
    return of_run(steps.filter(pl.col("step") > pl.col("step").max().over(RUN) - LAST), pl.col("loss").mean())


TOLD_QUANTITIES: dict[str, Quantity] = {
    "first update of the first layer": update_of(pl.col("step").min(), pl.col("value").first()),
    "spread of the first update": update_of(pl.col("step").min(), _spread(pl.col("value"))),
    "training loss at the end": loss_at_the_end,
}
"""By name; the hand-in tells them, and no claim is judged by them."""

STEP_QUANTITIES: dict[str, Quantity] = {
    "first over last at the start": at_start("gradient ratio", logarithm(10).first()),
    "first over last in training": in_training(pl.col("value")),
    "gradient imbalance at the start": at_start("gradient ratio", logarithm(10).abs().first()),
    "gradient imbalance in training": in_training(pl.col("value").abs()),
    "steps until healed": steps_until_healed,
    "unevenness of updates": unevenness_of_updates,
    "unsteadiness now": unsteadiness_now,
}
"""By name. At a moment of the training (`moments.after`) the last ones are those of that moment."""
