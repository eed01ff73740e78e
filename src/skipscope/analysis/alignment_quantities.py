"""What `signal_alignment` says of a run, by name: logarithms to base 10, means of layers.

The first convolution reads images, in which neighbours are alike whatever its weights: means leave it out.
"""

import polars as pl

from skipscope.analysis.per_run import FinishedRuns, Quantity, Series, logarithm, of_run, unless_lost


def layers(quantity: str) -> pl.Expr:
    """Selects the layers' logarithms, in the order of the network."""
    return pl.col("log").filter(pl.col("quantity") == quantity)


def all_but_the_last(logarithms: pl.Expr) -> pl.Expr:
    """Selects the layers that have a convolution after them."""
    return logarithms.slice(0, logarithms.len() - 1)


def of_layers(value: pl.Expr) -> Quantity:
    """Makes a quantity of the layers' logarithms; null where one of them has none."""

    def quantity(runs: FinishedRuns) -> Series:
        rows = runs.frozen("signal_alignment").with_columns(log=logarithm(10))
        return of_run(rows, unless_lost(value, "log"))

    return quantity


FORWARD, BACKWARD = layers("forward_gain"), layers("backward_gain")
RELU = layers("gradient_kept"), layers("variance_kept")
NORM = layers("output_l2")

ALIGNMENT_QUANTITIES: dict[str, Quantity] = {
    "forward gain": of_layers(FORWARD.slice(1).mean()),
    "backward gain": of_layers(BACKWARD.slice(1).mean()),
    "relu gain": of_layers(RELU[0].mean() - RELU[1].mean()),
    "first over last of one batch": of_layers(NORM.first() - NORM.last()),
    # in a chain: the squared gradient is multiplied by the backward gain of the convolution that it passes,
    # and divided by the forward gain of the one before, whose output is normalised
    "first over last by convolutions": of_layers(
        (BACKWARD.slice(1).sum() - all_but_the_last(FORWARD).sum()) / 2
    ),
    "first over last by relus": of_layers(
        (all_but_the_last(RELU[0]).sum() - all_but_the_last(RELU[1]).sum()) / 2
    ),
}
"""By name; the hand-in tells each at the start and at the end of a training, and no claim is judged by it."""
