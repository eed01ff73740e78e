"""The learning rate as a pure function of the step."""

from math import cos, pi

from skipscope.spec import Recipe


def learning_rate(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """Returns the rate of update `step` (from 0): linear warm-up, then half a cosine down to 0, or steps.

    Cosine: Loshchilov and Hutter 2017, eq. 5, with one period. Steps: divided by 10 at each milestone (He et
    al. 2015, section 4.2; Huang et al. 2017, section 4.2). Warm-up: Goyal et al. 2017, section 2.2.
    """
    total = recipe.epochs * steps_per_epoch
    warmup = min(round(recipe.warmup_epochs * steps_per_epoch), total - 1)
    if step < warmup:
        return recipe.learning_rate * ((step + 1) / warmup)
    if recipe.milestones:
        passed = sum(step >= round(share * total) for share in recipe.milestones)
        return recipe.learning_rate / 10.0**passed
    return recipe.learning_rate * (1 + cos(pi * (step - warmup) / (total - warmup))) / 2
