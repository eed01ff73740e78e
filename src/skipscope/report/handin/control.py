"""Sets the assignment's ResNet beside the same network without shortcuts, which was trained as it was."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from skipscope.analysis.curves import epoch_ends
from skipscope.analysis.statistics import Estimate, over_seeds
from skipscope.analysis.tables import StudyTables
from skipscope.claims.model import MINIMUM_SEEDS
from skipscope.figures import accuracies, curves
from skipscope.reference.gradients import GradientCurve, curve_of
from skipscope.report.document import Block, Panels
from skipscope.report.handin.by_depth import GONE
from skipscope.report.handin.course import Course, course_of
from skipscope.report.handin.four_ways import START, TRAINING
from skipscope.report.handin.pieces import Level
from skipscope.report.handin.prose import Prose, bracketed
from skipscope.report.statements import Source, Statement
from skipscope.report.words import Inline, count, literal, percent, rounded

PAIR = ("resnet", "resnet_noskip")
"""The network and its control."""
KINDS = ("residual", "bare")
AGREE = 0.05
"""A mean cosine below which gradients hardly agree: a twentieth of what equal ones have."""
ALIKE = 2.0
"""Smallest gradients that differ by a smaller factor are called alike."""
HEIGHT = 116
"""Pixels of its curves."""


def control(prose: Prose) -> list[Block]:
    """Says and draws what the shortcuts of `resnet` do, if it was trained without them as well."""
    found = courses(prose)
    if not found:
        return prose.paragraphs([*over_seeds_of(prose, "alone")])
    figure = drawn(prose)
    cards = {each.arm: each.network for each in prose.context.tables.summaries if each.network}
    residual, bare = (cards[arm].params for arm in PAIR)
    told = {
        "weights": count(residual - bare),
        "share": percent(1 - bare / residual),
        "residual": percent(found["resnet"].val_accuracy[-1]),
        "bare": percent(found["resnet_noskip"].val_accuracy[-1]),
        "figure": prose.figure(figure),
    }
    own = Source(basis="own", key="validation accuracy", study=prose.evidence.study)
    turned = ends(found)
    said = [prose.say("control.what", **told), prose.say(f"control.ends.{turned}", own, **told)]
    said += [*over_seeds_of(prose, "seeds"), *(gradients(prose) if turned == "higher" else [])]
    return [prose.paragraph(*said), figure]


def courses(prose: Prose) -> dict[str, Course]:
    """Returns the curves of both networks; none unless both are there."""
    tables = prose.context.tables
    found = {arm: course for arm in PAIR if (course := course_of(tables, arm))}
    return found if len(found) == len(PAIR) else {}


def ends(found: Mapping[str, Course]) -> str:
    """Says whether the network with shortcuts ends higher on validation images; nothing without courses."""
    if not found:
        return ""
    residual, bare = (found[arm].val_accuracy[-1] for arm in PAIR)
    return "higher" if residual > bare else "lower" if residual < bare else "alike"


def gain(prose: Prose, quantity: str) -> tuple[Level, Estimate] | None:
    """By how much shortcuts change a quantity, paired by seed, in the first study of enough seeds."""
    return next(gains(prose, quantity), None)


def gains(prose: Prose, quantity: str, pair: tuple[str, str] = PAIR) -> Iterator[tuple[Level, Estimate]]:
    """By how much the first of two networks differs in each study of enough seeds, the largest first."""
    for levels in prose.evidence.levels(quantity, pair):
        if len(levels) == len(pair) and len({len(each.values) for each in levels}) == 1:
            pairs = zip(*(each.values for each in levels), strict=True)
            found = over_seeds(dict(enumerate(residual - bare for residual, bare in pairs)))
            if found and found.n >= MINIMUM_SEEDS:
                yield levels[0], found


def over_seeds_of(prose: Prose, key: str) -> list[Statement]:
    """Says how much better the network with shortcuts classifies, fits and learns, over several seeds."""
    measured = list(gains(prose, "test accuracy"))
    if not measured:
        return []
    level, found = measured[0]
    images, epochs = prose.evidence.budget(level)
    told: dict[str, object] = {"study": level.study, "images": count(images), "epochs": epochs}
    told |= {"seeds": found.n, "gain": bracketed(found.value, found.low, found.high)}
    direction = "higher" if found.low > 0 else "open"
    if direction == "open":
        told["gain"] = bracketed(found.value, found.low, found.high, signs=True)
    told["also"], sources = Inline(""), [level.source]
    if direction == "higher" and len(measured) > 1 and (shorter := measured[-1])[1].low > 0:
        less = {
            "study": shorter[0].study,
            "gain": bracketed(shorter[1].value, shorter[1].low, shorter[1].high),
        }
        told["also"] = Inline(prose.context.words.raw("control.also").format(**less))
        sources.append(shorter[0].source)
    said = [prose.say(f"control.{key}.{direction}", *sources, **told)]
    if direction == "higher" and (fit := gain(prose, "training error")) and fit[1].high < 0:
        fall = bracketed(-fit[1].value, -fit[1].high, -fit[1].low)
        said.append(prose.say("control.error", fit[0].source, fall=fall))
    speed = prose.evidence.piece("T1", "epochs", " - ".join(PAIR))
    if direction == "higher" and speed and speed.told == "supported" and speed.effect.estimate < 0:
        said.append(prose.say("control.epochs", speed.source, epochs=prose.times(speed)))
    return said


def gradients(prose: Prose) -> list[Statement]:
    """Says that the gradient does not vanish without shortcuts, if it does not."""
    told, sources = dict[str, object](), list[Source]()
    for name, quantity, at in (("start", START, "start"), ("training", TRAINING, "end")):
        levels = prose.evidence.together(quantity, PAIR, at)
        if not levels or 10 ** levels[1].ends[1] < GONE:
            return []
        told |= {f"{name}_{kind}": prose.times(each) for kind, each in zip(KINDS, levels, strict=True)}
        sources += [level.source for level in levels]
    said = [prose.say("control.gradient", *dict.fromkeys(sources), **told)]
    smallest = [each.least for arm in PAIR if (each := curve(prose.context.tables, arm))]
    if len(smallest) == len(PAIR) and smallest[1] > smallest[0] / ALIKE:
        told = {kind: literal(rounded(each)) for kind, each in zip(KINDS, smallest, strict=True)}
        own = Source(basis="own", key=TRAINING, study=prose.evidence.study)
        said.append(prose.say("control.least", own, **told))
    return said


def curve(tables: StudyTables, arm: str) -> GradientCurve | None:
    """Returns the gradients of a network at every step at which they were measured."""
    cards = {each.arm: each.network for each in tables.summaries}
    rows = tables.readings.filter("counted", arm=arm, probe="gradient_flow")
    card = cards.get(arm)
    return curve_of(rows, card, sorted(rows["step"].unique())) if card and not rows.is_empty() else None


def unlike(prose: Prose) -> list[Statement]:
    """Says that mini-batches hardly agree either way before training, if that is so: it is not what helps."""
    levels = prose.evidence.together("gradient agreement at the start", PAIR, "start")
    measured = gain(prose, "test accuracy")
    if not levels or measured is None or measured[1].low <= 0 or max(each.ends[2] for each in levels) > AGREE:
        return []
    values = {
        kind: literal(f"{round(each.ends[0], 2) + 0.0:.2f}") for kind, each in zip(KINDS, levels, strict=True)
    }
    return [prose.say("control.unlike", *dict.fromkeys(each.source for each in levels), **values)]


def drawn(prose: Prose) -> Panels:
    """Draws the training loss and the validation accuracy of both."""
    context = prose.context
    entries = tuple(entry for entry in context.tables.entries if entry.arm in PAIR)
    tables = replace(context.tables, entries=entries)
    loss = curves.loss(tables.steps, arms=PAIR, labels=context.labels, epochs=epoch_ends(tables.steps))
    reached = accuracies.accuracy(tables.epochs, checks=tables.checks, arms=PAIR, labels=context.labels)
    named = {"control-loss": loss, "control-accuracy": reached}
    caption = context.words("control.caption")
    charts = {name: replace(chart, height=HEIGHT) for name, chart in named.items()}
    return context.panels(charts, caption=caption, spoken=(caption, caption))


def in_table(prose: Prose) -> list[Statement]:
    """Says where the curve of `resnet` would end without shortcuts, if several seeds say that they help."""
    found, measured = courses(prose), gain(prose, "test accuracy")
    if ends(found) != "higher" or measured is None or measured[1].low <= 0:
        return []
    own = Source(basis="own", key="validation accuracy", study=prose.evidence.study)
    return [
        prose.say(
            "control.in_table", own, measured[0].source, bare=percent(found["resnet_noskip"].val_accuracy[-1])
        )
    ]


def beside_cnn(prose: Prose) -> list[Statement]:
    """Says that BatchNorm and many parameters do not suffice, if the control ends near `cnn`."""
    tables, found = prose.context.tables, courses(prose)
    simple = course_of(tables, "cnn")
    if not found or simple is None:
        return []
    low, bare, high = (each.val_accuracy[-1] for each in (simple, found["resnet_noskip"], found["resnet"]))
    params = {each.arm: each.network.params for each in tables.summaries if each.network}
    if not low < bare < (low + high) / 2:
        return []
    own = Source(basis="own", key="validation accuracy", study=prose.evidence.study)
    told = {"bare": percent(bare), "times": rounded(params["resnet_noskip"] / params["cnn"])}
    return [prose.say("control.beside_cnn", own, **told)]


def in_short(prose: Prose) -> list[Statement]:
    """Says on the first page what `resnet` comes to without its shortcuts, on test images."""
    levels = next(prose.evidence.levels("test accuracy", PAIR), [])
    if len(levels) < len(PAIR):
        return []
    told = {kind: literal(f"{each.ends[0]:.1f}%") for kind, each in zip(KINDS, levels, strict=True)}
    return [prose.say("control.short", levels[0].source, **told)]


def concluded(prose: Prose) -> list[Statement]:
    """Says in conclusion that the control is worse although its gradient does not vanish, if both is so."""
    measured, kept = gain(prose, "test accuracy"), gradients(prose)
    if measured is None or measured[1].low <= 0 or not kept:
        return []
    level, found = measured
    told = bracketed(found.value, found.low, found.high)
    return [prose.say("control.concluded", level.source, *kept[0].sources, gain=told)]
