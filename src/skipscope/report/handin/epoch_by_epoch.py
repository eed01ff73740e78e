"""Tells when a connection acts: by how much it changes the mean training loss of each epoch."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

import polars as pl

from skipscope.analysis.statistics import Estimate
from skipscope.claims.model import MINIMUM_SEEDS
from skipscope.figures import gains as charts
from skipscope.reference.shipped import batch_size
from skipscope.report.document import Block, Panels
from skipscope.report.handin.by_depth import depth_of
from skipscope.report.handin.control import PAIR as CONTROL
from skipscope.report.handin.epoch_gains import (
    FEWEST,
    GATED,
    HALVED,
    LOSS,
    Gain,
    Gains,
    differences,
    gain,
    gains,
)
from skipscope.report.handin.prose import Prose, bracketed
from skipscope.report.statements import Source, Statement
from skipscope.report.words import Inline, code, count, literal


def epoch_by_epoch(prose: Prose) -> list[Block]:
    """Draws when each connection acts, and says so."""
    found = gains(prose)
    if found is None:
        return []
    figure = drawn(prose, found)
    late = shortcuts(prose, found, figure)
    if not late:
        return []
    grown = [prose.say("epochs.plain", *sources_of(found.grown))] if found.grown else []
    said = [*grown, *starts(prose, found), *gates(prose, found)]
    sources = dict.fromkeys([late[0].sources[0], *sources_of(found.grown)])
    so = prose.say(f"epochs.so.{'any' if grown else 'shortcuts'}", *sources)
    return [*prose.paragraphs(late, [*said, so]), figure]


def sources_of(found: Iterable[Gain]) -> tuple[Source, ...]:
    """Returns on what they rest, each once."""
    return tuple(dict.fromkeys(each.source for each in found))


def shortcuts(prose: Prose, found: Gains, figure: Panels) -> list[Statement]:
    """Says that the lead which shortcuts give grows, with what they cost at first."""
    deepest, shallowest = found.late, found.depths[0]
    growing = [each for each in found.depths if each.grows]
    end = shallowest.epochs[-1]
    if deepest is None or len(growing) < 2 or not end.low < 0 < end.high:
        return []
    told: dict[str, object] = {"figure": prose.figure(figure), "layers": depth_of(deepest.pair[0])}
    told |= {"epoch1": shown(deepest.epochs[0]), "last": shown(deepest.epochs[-1])}
    told["others"] = prose.context.words.listed([str(depth_of(each.pair[0])) for each in growing[-2::-1]])
    told["shallow"] = depth_of(shallowest.pair[0])
    told["steps"] = count(steps_of(prose, deepest))
    key = "costly" if deepest.epochs[0].low > 0 else "free"
    said = [prose.say(f"epochs.shortcuts.{key}", deepest.source, **told)]
    if found.control and found.control.grows:
        leads = of_epochs(prose, found.control)
        said += [prose.say("epochs.control", found.control.source, values=leads), *own(prose)]
    if found.longer and found.longer.levels:
        more = {"study": found.longer.study, "values": of_epochs(prose, found.longer)}
        steps = count(steps_of(prose, found.longer))
        said.append(prose.say("epochs.longer", found.longer.source, steps=steps, **more))
    return said


def steps_of(prose: Prose, found: Gain) -> int:
    """Counts the training steps of an epoch."""
    record = prose.context.tables.record
    if found.basis == "own":
        return (record.study.train_limit or record.data.train) // record.study.recipe.batch_size
    return prose.evidence.reference[found.study].images // batch_size(found.study)


def own(prose: Prose) -> list[Statement]:
    """Says that the lead of `resnet` over its control grows in the runs of this report, if it does."""
    (basis, study), series = next(prose.evidence.series(LOSS, CONTROL))
    one, other = (series.get(arm, {}) for arm in CONTROL)
    found = [differences(one[seed], other[seed]) for seed in one.keys() & other.keys()]
    means = [fmean(each) for each in zip(*found, strict=False)]
    if len(found) >= MINIMUM_SEEDS or len(means) < FEWEST or not 0 > means[0] > means[1] > means[-1]:
        return []
    source = Source(basis=basis, key=LOSS, study=study)
    return [prose.say("epochs.own", source, values=in_turn(prose, means))]


def starts(prose: Prose, found: Gains) -> list[Statement]:
    """Says that leads over residual networks are largest in the first epoch, in which those start behind."""
    if not found.starts:
        return []
    words = prose.context.words
    told = [
        words(
            "epochs.start",
            arm=code(one.pair[0]),
            residual=code(one.pair[1]),
            plain=code(two.pair[1]),
            lead=lead(one.epochs[0]),
            less=lead(two.epochs[0]),
        )
        for one, two in dict.fromkeys((found.starts[0], found.starts[-1]))
    ]
    sources = sources_of(each for pair in found.starts for each in pair)
    return [prose.say("epochs.starts", *sources, items=Inline(words.raw("beside.clause").join(told)))]


def gates(prose: Prose, found: Gains) -> list[Statement]:
    """Says how gates lead where the residual network does not start behind, and a halved branch with them."""
    behind = not found.control or found.control.epochs[0].value >= 0
    if found.gated is None or behind or found.gated.pair[1] != CONTROL[0]:
        return []
    told = {"pair": named(prose, found.gated), "values": of_epochs(prose, found.gated)}
    said = [prose.say("epochs.gated", found.gated.source, **told)]
    half = gain(prose, HALVED, 2)
    gates = gain(prose, GATED[0], 2, half.study) if half else None
    if half and gates and half.early and gates.early:
        more = {"study": half.study, "values": of_epochs(prose, half), "gates": of_epochs(prose, gates)}
        said.append(prose.say("epochs.half", half.source, **more))
    return said


def lead(found: Estimate) -> Inline:
    """Writes a difference below zero as a lead."""
    return literal(f"{-found.value:.2f}")


def of_epochs(prose: Prose, found: Gain) -> Inline:
    """Lists by how much the first network leads; the figure has the intervals."""
    return in_turn(prose, [each.value for each in found.epochs])


def in_turn(prose: Prose, differences: Iterable[float]) -> Inline:
    """Lists differences below zero as leads, epoch by epoch."""
    return prose.context.words.listed([literal(f"{-each:.2f}") for each in differences])


def shown(found: Estimate) -> Inline:
    """Writes a difference without its sign, which the sentence tells."""
    low, high = sorted(abs(end) for end in (found.low, found.high))
    return bracketed(abs(found.value), low, high)


def named(prose: Prose, found: Gain) -> Inline:
    """Names both networks of a pair."""
    one, other = map(code, found.pair)
    return prose.context.words("epochs.against", one=one, other=other)


def drawn(prose: Prose, found: Gains) -> Panels:
    """Draws what shortcuts change, then what the others do, beside plain and beside residual networks."""
    context = prose.context
    groups: Mapping[str, Sequence[Gain]] = {
        "shortcuts": found.shortcuts,
        "plain": found.plain,
        "others": found.others,
    }
    table = {name: rows(each) for name, each in groups.items() if each}
    every = pl.concat(list(table.values()))
    drawings = {
        f"epochs-{name}": charts.gains(
            part, every, title=context.labels[f"loss_gain_{name}"], labels=context.labels
        )
        for name, part in table.items()
    }
    studies = dict.fromkeys(code(each.study) for group in groups.values() for each in group)
    caption = context.words("epochs.caption", studies=context.words.listed(list(studies)))
    return context.panels(drawings, caption=caption, spoken=(caption,) * len(drawings), columns=len(drawings))


def rows(found: Iterable[Gain]) -> pl.DataFrame:
    """Returns the differences as rows of `figures.gains.SCHEMA`."""
    told: list[tuple[Any, ...]] = [
        (each.pair[0], each.pair[0], epoch, one.value, one.low, one.high)
        for each in found
        for epoch, one in enumerate(each.epochs, start=1)
    ]
    return pl.DataFrame(told, charts.SCHEMA, orient="row")
