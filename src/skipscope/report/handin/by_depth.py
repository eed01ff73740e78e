"""Draws what depth does: a quantity of families of networks against the number of their layers."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import pi, prod, sqrt
from typing import Any

import polars as pl

from skipscope.analysis.statistics import over_seeds
from skipscope.claims.catalogue import catalogue
from skipscope.claims.model import MINIMUM_SEEDS
from skipscope.figures import depths
from skipscope.report.document import Figure
from skipscope.report.handin.pieces import Level, Piece
from skipscope.report.handin.prose import Prose
from skipscope.report.statements import Source
from skipscope.report.words import Inline, code, literal, rounded

DEPTHS = (8, 20, 32, 56)
FAMILIES = {family: {depth: f"{family}{depth}" for depth in DEPTHS} for family in ("plain", "resnet")}
FAMILIES["densenet"] = {depth: f"densenet{depth}_k8" for depth in (19, 31, 55)}
FAMILIES["se_resnet"] = {20: "se_resnet20"}
FAMILIES["plain_nobn"] = {depth: f"plain{depth}_nobn" for depth in DEPTHS}
"""Arms by family and number of layers; the last was not trained, so that legends begin alike."""
GONE = 10 ** catalogue()["S1a"].parts["start"].bound
"""A ratio of gradients below which the gradient vanishes, as claim S1 has it."""
GUESS = 90.0
"""The error of a guess among ten classes, in per cent."""
START = "first over last at the start"
CLEAR = 0.3
"""Log10 of a ratio of gradients from which on it is worth a word: a factor of two (claim S1)."""

GROWTH = (pi / (pi - 1)) ** 2
"""What two layers of a branch multiply the square of the gradient by."""

BEGUN = 85.0
"""An error in per cent above which a network has hardly begun to learn ten classes: less than `GUESS`."""


def depth_of(arm: str) -> int:
    """Returns the layers that an arm's name tells, 31 of `densenet31_k8`; 0 where it tells none."""
    found = re.search(r"\d+", arm)
    return int(found[0]) if found else 0


def depth_figures(prose: Prose) -> tuple[Figure, ...]:
    """Draws what depth does in each kind of network: to the gradient before training, and to the error.

    The sections on chains, residual and dense networks speak of the same two figures. Errors are those of
    networks that trained on as many images, as long.
    """
    start = {name: (10**end for end in level.ends) for name, level in levels(prose, START, "start").items()}
    errors = levels(prose, "training error", "end")
    spent = {name: prose.evidence.budget(level) for name, level in errors.items()}
    first = next(iter(spent.values()), None)
    alike = {name: level for name, level in errors.items() if spent[name] == first}
    error = {name: level.ends for name, level in alike.items()}
    studies = prose.context.words.listed(list(dict.fromkeys(code(level.study) for level in alike.values())))
    guess = GUESS, prose.context.labels["guessing"]
    drawn = (
        _over_depth(prose, "gradient", start, {"bound": literal(rounded(GONE))}, log=True, mark=(GONE, "")),
        _over_depth(prose, "error", error, {"studies": studies}, log=False, mark=guess),
    )
    return tuple(figure for figure in drawn if figure)


def named(family: str) -> str:
    """Names a family's networks: by their one name, or with N for the layers, as in densenetN_k8."""
    arms = list(FAMILIES[family].values())
    return arms[0] if len(arms) == 1 else re.sub(r"\d+", "N", arms[0], count=1)


def levels(prose: Prose, quantity: str, moment: str) -> dict[tuple[str, int], Level]:
    """Returns a quantity of each network of `FAMILIES` that it was measured of, by family and layers."""
    return {
        (family, layers): level
        for family, arms in FAMILIES.items()
        for layers, arm in arms.items()
        if (level := prose.evidence.level(quantity, arm, moment))
    }


def _over_depth(
    prose: Prose,
    quantity: str,
    values: Mapping[tuple[str, int], Iterable[float]],
    told: Mapping[str, Inline],
    **options: Any,
) -> Figure | None:
    """Draws values with the ends of their intervals; None if no family shows a change.

    `quantity` is what texts and files are named after, `told` fills the caption; `options` are those of
    `figures.depths.over_depth`.
    """
    if len({layers for _, layers in values}) < 2:
        return None
    context = prose.context
    theory = expected if quantity == "gradient" else lambda *_: None
    rows = [(named(name[0]), *name, *ends, theory(*name)) for name, ends in values.items()]
    table = pl.DataFrame(rows, depths.SCHEMA, orient="row")
    title = context.charts.raw(f"without.axis_{quantity}")
    chart = depths.over_depth(table, title=title, labels=context.labels, **options)
    caption = context.words(f"without.caption_{quantity}", **told)
    return context.figure(f"{quantity}-by-depth", chart, caption=caption, spoken=caption)


def hardly_trained(prose: Prose, piece: Piece) -> dict[str, object]:
    """The deepest network of a degradation (S3) that was found, if it ends near chance: layers and error.

    Empty otherwise. A degradation of such a network says how hard it is to start, and little of the end.
    """
    deep = max(map(depth_of, piece.finding.arms))
    error = prose.evidence.level_of(piece, "training error", f"plain{deep}")
    if piece.told != "supported" or error is None or error.median <= BEGUN:
        return {}
    return {"deep": deep, "error": prose.percent(error), "guess": f"{GUESS:.0f}%"}


def steepness(levels: Sequence[Level], xs: Sequence[float]) -> list[tuple[float, float, float]]:
    """Returns how steeply levels rise from each depth to the next: per unit of x, with intervals over seeds.

    Networks of two depths have nothing in common but the seed: their differences are paired by it.
    Empty where fewer than `MINIMUM_SEEDS` seeds are there, or not as many at each depth.
    """
    if len(levels) < 2 or len({len(level.values) for level in levels}) > 1:
        return []
    found = []
    for (shallow, before), (deep, after) in pairwise(zip(levels, xs, strict=True)):
        pairs = zip(shallow.values, deep.values, strict=True)
        rises = over_seeds({seed: (b - a) / (after - before) for seed, (a, b) in enumerate(pairs)})
        if rises and rises.n >= MINIMUM_SEEDS:
            found.append((rises.value, rises.low, rises.high))
    return found if len(found) == len(levels) - 1 else []


def predicted(blocks: int, *, late: int = 0) -> float:
    """Returns the root of prod 1 + c / (l + late): how far the gradient grows through so many blocks.

    A branch of half the size adds a quarter of the variance to the identity, as if each block came three
    blocks later (`late`).
    """
    return sqrt(prod(1 + GROWTH / (index + late) for index in range(1, blocks + 1)))


def expected(family: str, layers: int) -> float | None:
    """Returns the first-to-last ratio that theory predicts before training; None where it says nothing.

    A chain of N layers has N - 1 convolutions, so N - 2 steps from its last to its first one.
    """
    if family == "plain":
        return float(GROWTH ** ((layers - 2) / 4))
    return predicted((layers - 2) // 2) if family == "resnet" else None


def apart(prose: Prose, shallow: int) -> tuple[dict[str, object], tuple[Source, ...]] | None:
    """The deepest chain that trains worse than a shallow one though its gradient does not vanish.

    Returns what a text fills in (both depths, both training errors, the ratio of gradients) and its sources.
    """
    before = prose.evidence.level("training error", f"plain{shallow}")
    for depth in sorted((each for each in DEPTHS if each > shallow), reverse=True):
        after = prose.evidence.level("training error", f"plain{depth}")
        ratio = prose.evidence.level("first over last in training", f"plain{depth}")
        if not (before and after and ratio) or before.study != after.study:
            continue
        if ratio.ends[1] > -CLEAR and after.ends[1] > before.ends[2]:
            told = {"shallow": shallow, "deep": depth, "ratio": prose.times(ratio)}
            errors = {"before": prose.percent(before), "after": prose.percent(after)}
            return {**told, **errors}, unique([after.source], "S1b", "S3")
    return None


def judged_start(prose: Prose, level: Level) -> Piece | Level:
    """The part of S1a that judges a ratio of gradients before training: its interval is told everywhere.

    The level itself where its study judges none.
    """
    body = prose.evidence.of("S1a", level.origin)
    pieces = (piece for piece in (body.pieces if body else ()) if piece.finding.comparison == level.arm)
    return next(pieces, level)


def unique(sources: Iterable[Source], *claims: str) -> tuple[Source, ...]:
    """Names the claims that quantities belong to in place of the quantities, once for each study."""
    bases = dict.fromkeys((source.basis, source.study) for source in sources)
    return tuple(Source(basis=basis, key=claim, study=study) for basis, study in bases for claim in claims)
