"""The list of claims: what each says, in both languages, and how each of its parts is measured and judged.

`questions/` has a TOML file a group of claims, `[ID]` a claim and `[ID.parts.NAME]` a part. The records
below are its schema: an unknown key or name is an error that says where.
"""

import tomllib
from collections.abc import Collection, Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, model_validator

from skipscope.analysis.quantities import QUANTITIES
from skipscope.analysis.scales import Scale, bound_on
from skipscope.claims.comparisons import COMPARISONS, SELECTIONS, FindComparisons, Selection
from skipscope.claims.contrasts import CONTRASTS, ON_LOG_SCALE, Contrast
from skipscope.claims.model import Direction, Group, Needs
from skipscope.spec.values import Frozen

Language = Literal["en", "zh"]


def _known(value: str, names: Collection[str]) -> str:
    if value not in names:
        raise ValueError(f"{value!r} is none of: {', '.join(names)}")
    return value


def _named(functions: Mapping[str, Any]) -> BeforeValidator:
    """Replaces a function's name by the function."""
    return BeforeValidator(lambda name: functions[_known(name, functions)])


class Wording(Frozen):
    """A claim in one language."""

    name: str
    sentence: str
    needs: str
    supported: str
    contradicted: str
    inconclusive: str
    changes: str
    """What would change the verdict."""


class PartWording(Frozen):
    """A part of a claim in one language."""

    name: str
    """What is measured, precisely."""
    short: str
    """The same for charts and sentences."""
    reason: str
    """Why an effect of the size of the bound is worth having."""
    supported: str = ""
    """Said beside the claim's own sentence if this part is supported."""
    contradicted: str = ""


class Part(Frozen):
    """One quantity of a claim: how it is measured, and which effect counts."""

    id: str
    comparisons: Annotated[FindComparisons, _named(COMPARISONS)]
    """Which comparisons of a study it is measured on."""
    select: Annotated[Selection, _named(SELECTIONS)] = SELECTIONS["all"]
    """Which of their arms it concerns."""
    each: Literal["whole", "pair", "step"] = "whole"
    """What is judged: the whole comparison, each of its pairs (depth by depth), or each step from one pair to
    the next, as for "the deeper the more"."""
    min_pairs: int = 1
    """Pairs that a comparison needs: two for a slope against depth."""
    at_init: bool = False
    """Measured before the first step, whether or not the networks are trained."""
    timed: bool = False
    """Compares seconds, so the machine must be the same."""
    quantity: Annotated[str, AfterValidator(lambda name: _known(name, QUANTITIES))] = ""
    """A name of `QUANTITIES`; empty where the networks themselves are counted."""
    probe: str = ""
    """What measures the quantity, if training alone does not."""
    scale: Scale = "linear"
    """On which values are compared; `log` is read as a ratio, `logit` as a share or a ratio of odds."""
    moment: Literal["start", "equal_loss", "end"] = "end"
    """When it is taken; `equal_loss`: at the lowest training loss that all arms have reached (`asked.py`)."""
    max_loss: float | None = None
    """Not measured if that loss is higher."""
    min_accuracy: float | None = None
    """Not measured unless every run's validation accuracy is above it, 0..1."""
    minus_start: bool = False
    """Takes the trained network minus the same network before its first step: a pair of each seed."""
    contrast: Annotated[Contrast, _named(CONTRASTS)]
    """How the arms' values become an effect."""
    study: str
    """The shipped study that measures it best."""
    unit: str
    direction: Direction
    bound: float
    """The smallest effect worth having, signed; on a scale of ratios the ratio."""
    counts: bool = True
    """Whether the verdict rests on it; otherwise it is a control or context."""
    exact: bool = False
    """Counted rather than sampled."""
    en: PartWording
    zh: PartWording

    @model_validator(mode="after")
    def _has_a_bound_on_its_scale(self) -> Self:
        if self.contrast_scales and self.scale != "log":
            raise ValueError("this contrast is the logarithm of a ratio: scale is log")
        # a share bounds what is measured as it is, and a ratio of odds bounds a difference
        share = self.scale == "logit" and not self.minus_start and 0 < self.bound < 1
        bound_on(self.scale, self.bound, level=share)
        return self

    @property
    def contrast_scales(self) -> bool:
        """Whether the contrast itself gives the logarithm of a ratio."""
        return self.contrast in ON_LOG_SCALE

    def wording(self, language: Language) -> PartWording:
        """The part in `language`."""
        return self.zh if language == "zh" else self.en


class Claim(Frozen):
    """A sentence that measurements can support or contradict."""

    id: str
    group: Group
    edition: int = 2
    """Counts changes: a changed claim is judged on seeds that were not looked at when it was changed."""
    needs: Needs = "all"
    """Whether all parts (and comparisons, if there are several) have to hold, or any."""
    true_of_itself: bool = False
    """Holds between two runs of one network, so the calibration does not count it as a false positive."""
    en: Wording
    zh: Wording
    parts: Annotated[Mapping[str, Part], Field(min_length=1)]

    def wording(self, language: Language) -> Wording:
        """The claim in `language`."""
        return self.zh if language == "zh" else self.en


@cache
def catalogue() -> Mapping[str, Claim]:
    """Every claim by its id, group by group.

    Raises:
        pydantic.ValidationError: an entry of the TOML is wrong; the error names claim, part and key.
    """
    folder = files("skipscope.claims") / "questions"
    texts = {group: (folder / f"{group}.toml").read_text(encoding="utf-8") for group in get_args(Group)}
    return {id: claim for group, text in texts.items() for id, claim in read_claims(group, text).items()}


def read_claims(group: str, text: str) -> dict[str, Claim]:
    """The claims of one group's TOML.

    Raises:
        pydantic.ValidationError: a key or value is wrong.
    """
    rows = {
        id: claim
        | {"id": id, "group": group}
        | {"parts": {name: {"id": name} | part for name, part in claim.get("parts", {}).items()}}
        for id, claim in tomllib.loads(text).items()
    }
    return TypeAdapter(dict[str, Claim]).validate_python(rows)


def part_of(claim: str, part: str) -> Part:
    """A part by its claim's id and its own.

    Raises:
        KeyError: there is none.
    """
    return catalogue()[claim].parts[part]
