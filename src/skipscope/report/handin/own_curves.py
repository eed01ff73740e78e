"""Says what matched networks tell about the curves of the assignment's four, and what remains a guess."""

from collections.abc import Iterator
from dataclasses import replace

import polars as pl

from skipscope.analysis import training_readings
from skipscope.figures import training
from skipscope.records.network_card import NetworkCard
from skipscope.records.printed import anatomy_of
from skipscope.report.appendix.results import gaps
from skipscope.report.document import Panels
from skipscope.report.handin.course import Course, course_of
from skipscope.report.handin.four_ways import FOUR, START, TRAINING
from skipscope.report.handin.gated import covers
from skipscope.report.handin.pieces import Piece
from skipscope.report.handin.prose import Prose
from skipscope.report.statements import Source, Statement
from skipscope.report.words import Inline, code, count, literal, percent, rounded

HEIGHT = 130
"""Pixels of a chart beside another."""
KEPT = 10.0
"""A first-to-last ratio, or its inverse, below which a gradient keeps its size, roughly."""


def own_curves(prose: Prose, figure: Panels | None = None) -> list[list[Statement]]:
    """Explains why each curve of the four lies where it does, as far as other runs allow, in paragraphs.

    `figure` is that of the gradients.
    """
    tables = prose.context.tables
    found = {arm: course for arm in FOUR if (course := course_of(tables, arm))}
    if len(found) < len(FOUR):
        return []
    cards = {each.arm: each.network for each in tables.summaries if each.network}
    source = Source(basis="own", key="validation accuracy", study=prose.evidence.study)
    told = [
        [*_cnn(prose, found, cards, source), *_dense(prose, found, cards, source)],
        [*_gated(prose, found, source)],
        [*_gradients(prose), *_sizes(prose, figure)],
    ]
    told = [each for each in told if each]
    return [[prose.say("beside.curves.begin"), *told[0]], *told[1:]] if told else []


def gradients_figure(prose: Prose) -> Panels | None:
    """Draws the gradient at each convolution of the assignment's networks, before and after training."""
    context = prose.context
    norms, arms = training_readings.gradients(context.tables.readings), context.tables.arms
    ended = norms.filter(moment=training_readings.END)
    if not set(FOUR) <= set(ended["arm"]):
        return None
    step = count(ended["step"].to_list()[0])
    charts = {
        f"own-gradients-{moment}": training.by_depth(
            norms,
            quantity="norm",
            moment=moment,
            arms=arms,
            labels=context.labels,
            title=context.charts.raw(f"beside.axis_own.{moment}").format(step=step),
        )
        for moment in training_readings.MOMENTS
    }
    charts = {name: replace(chart, height=HEIGHT) for name, chart in charts.items()}
    caption = context.words("beside.caption_own_gradients", step=step)
    return context.panels(charts, caption=caption, spoken=(caption, caption))


def later(prose: Prose) -> list[Statement]:
    """Says that these curves will be explained, if they will."""
    return [prose.say("course.later")] if own_curves(prose) else []


def _cnn(
    prose: Prose, found: dict[str, Course], cards: dict[str, NetworkCard], source: Source
) -> Iterator[Statement]:
    """Says whether it is for want of shortcuts that `cnn` ends below the others."""
    shallow, deeper = (_epochs(prose, depth) for depth in (8, 20))
    card = cards.get("cnn")
    if not (shallow and deeper and card) or min(found, key=lambda arm: found[arm].val_accuracy[-1]) != "cnn":
        return
    bare = [arm for arm in cards if not anatomy_of(cards[arm]).normalisation]
    if shallow.told == "contradicted" and bare == ["cnn"]:
        told = {"epochs": prose.times(shallow), "params": count(card.params)}
        yield prose.say("beside.curves.cnn", source, shallow.source, **told)
        if deeper.told == "supported" and deeper.effect.estimate < 0:
            yield prose.say("beside.curves.resnet", deeper.source, epochs=prose.times(deeper))


def _dense(
    prose: Prose, found: dict[str, Course], cards: dict[str, NetworkCard], source: Source
) -> Iterator[Statement]:
    """Says in what else than its connections `densenet` differs, if it ends above `resnet`."""
    ends = {arm: found[arm].val_accuracy[-1] for arm in ("densenet", "resnet")}
    maps = {arm: _last_map(cards[arm]) for arm in ends if arm in cards}
    if ends["densenet"] > ends["resnet"] and len(maps) == 2 and maps["densenet"][1] > maps["resnet"][1] > 0:
        told = {arm: literal("×".join(map(str, shape))) for arm, shape in maps.items()}
        yield prose.say("beside.curves.densenet", source, Source(basis="exact", key="params"), **told)


def _gated(prose: Prose, found: dict[str, Course], source: Source) -> Iterator[Statement]:
    """Says why `se_resnet` may fit its training images best and yet not lead, if that is so."""
    fitted = {arm: pair for arm, pair in gaps(prose.context).items() if arm in FOUR}
    pool = prose.evidence.piece("E5", "pool")
    gate = prose.evidence.along(pool, "gate") if pool else None
    leads = max(found, key=lambda arm: found[arm].val_accuracy[-1]) == "se_resnet"
    best = max(fitted, key=lambda arm: fitted[arm][0], default="") == "se_resnet"
    if leads or not best or pool is None or gate is None:
        return
    opposite = pool.told == "supported" and pool.effect.estimate < 0 < gate.effect.estimate
    if opposite and not covers(gate, 0) and covers(prose.evidence.along(pool, "whole"), 0):
        trained, validated = fitted["se_resnet"]
        told = {"trained": percent(trained), "gap": literal(f"{100 * (trained - validated):.1f}")}
        yield prose.say("beside.curves.se_resnet", source, pool.source, **told)


def _gradients(prose: Prose) -> Iterator[Statement]:
    """Says that the size of the gradient does not tell the four apart, if it stays in all of them."""
    asked = ((START, "start"), (TRAINING, "end"))
    found = [level for name, at in asked for level in next(prose.evidence.levels(name, FOUR, at))]
    ratios = [10**level.median for level in found]
    if len(found) == len(asked) * len(FOUR) and 1 / KEPT < min(ratios) < max(ratios) < KEPT:
        ends = {"low": literal(rounded(min(ratios))), "high": literal(rounded(max(ratios)))}
        yield prose.say("beside.curves.gradients", *dict.fromkeys(each.source for each in found), **ends)


def _sizes(prose: Prose, figure: Panels | None) -> Iterator[Statement]:
    """Says that `cnn` starts with the smallest gradient, if it does."""
    if figure is None:
        return
    norms = training_readings.gradients(prose.context.tables.readings)
    first = norms.filter(pl.col("arm").is_in(FOUR), pl.col("depth") == 0.0, moment=training_readings.START)
    sizes = training_readings.medians(first, "norm")
    small, large = (each(sizes, key=sizes.__getitem__) for each in (min, max))
    if small == "cnn":
        told = {"least": literal(rounded(sizes[small])), "most": literal(rounded(sizes[large]))}
        see = Inline(prose.context.words.raw("dense.see").format(prose.figure(figure)))
        source = Source(basis="own", key="first over last at the start", study=prose.evidence.study)
        told |= {"small": code(small), "large": code(large), "figure": see}
        yield prose.say("beside.curves.sizes", source, **told)


def _epochs(prose: Prose, depth: int) -> Piece | None:
    """What shortcuts do to the epochs to one loss, with so many layers."""
    return prose.evidence.piece("T1", "epochs", f"resnet{depth} - plain{depth}")


def _last_map(card: NetworkCard) -> tuple[int, ...]:
    """Returns the shape of the last feature map; zeros where a network has none."""
    shapes = (tuple(stage.shape) for stage in card.stages if len(stage.shape) == 3)
    return max(enumerate(shapes), default=(0, (0, 0, 0)))[1]
