"""Draws what depth does: a quantity of families of networks against the number of their layers."""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

import polars as pl

from skipscope.analysis.statistics import over_seeds
from skipscope.claims.model import MINIMUM_SEEDS
from skipscope.figures import depths
from skipscope.report.document import Figure
from skipscope.report.handin.evidence import Level, Piece
from skipscope.report.handin.prose import Prose
from skipscope.report.statements import Source

DEPTHS = (8, 20, 32, 56)
CLEAR = 0.3
"""Log10 of a ratio of gradients from which on it is worth a word: a factor of two (claim S1)."""

BEGUN = 85.0
"""An error in per cent above which a network has hardly begun to learn ten classes: a guess has 90%."""


def depth_of(arm: str) -> int:
    """Returns the layers that an arm's name tells, 31 of `densenet31_k8`; 0 where it tells none."""
    found = re.search(r"\d+", arm)
    return int(found[0]) if found else 0


def depth_figures(prose: Prose) -> tuple[Figure, ...]:
    """Draws what depth does without and with shortcuts: to the gradient before training, and to the error.

    The sections on chains and on residual networks speak of the same two figures.
    """
    start = [
        (family, depth, *(10**end for end in level.ends))
        for family, arm in (("plain", "plain{}"), ("plain_nobn", "plain{}_nobn"), ("resnet", "resnet{}"))
        for depth in DEPTHS
        if (level := prose.evidence.level("first over last at the start", arm.format(depth), "start"))
    ]
    error = [
        (family, depth, *level.ends)
        for family in ("plain", "resnet")
        for depth in DEPTHS
        if (level := prose.evidence.level("training error", f"{family}{depth}"))
    ]
    drawn = (
        over_depth(prose, "gradient-by-depth", start, key="without.gradient", log=True),
        over_depth(prose, "error-by-depth", error, key="without.error", log=False),
    )
    return tuple(figure for figure in drawn if figure)


def over_depth(
    prose: Prose, name: str, rows: Sequence[tuple[object, ...]], *, key: str, log: bool
) -> Figure | None:
    """Draws rows of `figures.depths.SCHEMA`; None if there are too few to show a change.

    Args:
        prose: whose figure it becomes.
        name: of its files.
        rows: family, layers, value and the ends of its interval.
        key: the texts `<chapter>.axis_<rest>` and `<chapter>.caption_<rest>`, as `<chapter>.<rest>`.
        log: whether the vertical axis is logarithmic.
    """
    if len(rows) < 2:
        return None
    context = prose.context
    chapter, rest = key.split(".")
    table = pl.DataFrame(rows, depths.SCHEMA, orient="row")
    title = context.charts.raw(f"{chapter}.axis_{rest}")
    chart = depths.over_depth(table, title=title, log=log, labels=context.labels)
    caption = context.words(f"{chapter}.caption_{rest}")
    return context.figure(name, chart, caption=caption, spoken=caption)


def hardly_trained(prose: Prose, piece: Piece) -> dict[str, object]:
    """The deepest network of a degradation (S3) that was found, if it ends near chance: layers and error.

    Empty otherwise. A degradation of such a network says how hard it is to start, and little of the end.
    """
    deep = max(map(depth_of, piece.finding.arms))
    error = prose.evidence.level_of(piece, "training error", f"plain{deep}")
    if piece.told != "supported" or error is None or error.median <= BEGUN:
        return {}
    return {"deep": deep, "error": prose.number(error)}


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
            errors = {"before": prose.number(before), "after": prose.number(after)}
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
