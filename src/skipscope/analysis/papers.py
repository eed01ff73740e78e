"""Reads what papers report for the networks of their families, and how their recipes differ from a run's.

Errors are in per cent of the 10,000 test images of CIFAR-10. Plain networks have no value in a table of He et
al. 2015: none is given for them.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from skipscope.spec import Recipe

SAME_UPDATES = 0.01
"""A share of the updates that is no difference: an epoch is 0.5 % of 64,000, and runs have whole ones."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """A network's value in a paper's table."""

    model: str
    error: float
    """With random crops and flips."""
    source: str
    params: float | None = None
    error_no_augmentation: float | None = None
    baseline_error: float | None = None
    """Error of the same network without gates, by the same authors."""
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class PaperRecipe:
    """How a paper trained its networks."""

    source: str
    images: int
    """Training images."""
    settings: Mapping[str, Any]
    """Keys of a recipe and what they would be."""
    updates: int | None = None
    besides: str | None = None
    """What the paper did that no key says: `rate_until_80` or `dropout`."""
    augmented: bool = True
    models: Sequence[str] = ()


@dataclass(frozen=True)
class Difference:
    """A setting of a run, and what it was in the paper (None: the run has no such thing)."""

    key: str
    ours: object
    theirs: object


@cache
def published() -> dict[str, Published]:
    """The values by the networks' names, as `models.registry` calls them."""
    return {value["model"]: Published(**value) for value in _table("papers.toml")["value"]}


def error_of(value: Published, recipe: Recipe) -> float:
    """The published error to set beside a run by this recipe: without augmentation, if both have that."""
    if recipe.augmentation == "none" and value.error_no_augmentation is not None:
        return value.error_no_augmentation
    return value.error


def recipe_of(value: Published, recipe: Recipe) -> PaperRecipe | None:
    """How the paper trained for that error; None where it does not say."""
    augmented = error_of(value, recipe) == value.error
    found = (each for each in _recipes() if value.model in each.models and each.augmented is augmented)
    return next(found, None)


def differences(recipe: Recipe, images: int, paper: PaperRecipe) -> list[Difference]:
    """Everything in which a run by `recipe` on so many images is known to differ from the paper's."""
    found = []
    updates = recipe.epochs * max(1, images // recipe.batch_size)
    if paper.updates is not None and abs(updates - paper.updates) > SAME_UPDATES * paper.updates:
        found.append(Difference("updates", updates, paper.updates))
    for key, theirs in {**paper.settings, "clip_norm": None}.items():
        wanted = tuple(theirs) if isinstance(theirs, list) else theirs
        if (ours := getattr(recipe, key)) != wanted:
            found.append(Difference(key, ours, wanted))
    if images != paper.images:
        found.append(Difference("images", images, paper.images))
    if paper.besides is not None:
        found.append(Difference(paper.besides, None, None))
    return found


@cache
def _recipes() -> list[PaperRecipe]:
    return [PaperRecipe(**each) for each in _table("paper_recipes.toml")["recipe"]]


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads((files("skipscope.analysis") / name).read_text(encoding="utf-8"))
