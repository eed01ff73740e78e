"""The learning rate as a pure function of the step."""

from math import cos, pi

from skipscope.spec import Recipe


def learning_rate(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """The rate of update number `step` (from 0): linear warm-up, then half a cosine down to 0.

    Loshchilov and Hutter 2017, eq. 5, with one period; warm-up as in Goyal et al. 2017, section 2.2.
    """
    total = recipe.epochs * steps_per_epoch
    warmup = min(round(recipe.warmup_epochs * steps_per_epoch), total - 1)
    if step < warmup:
        return recipe.learning_rate * ((step + 1) / warmup)
    return recipe.learning_rate * (1 + cos(pi * (step - warmup) / (total - warmup))) / 2
