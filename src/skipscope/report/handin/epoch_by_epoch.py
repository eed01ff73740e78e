"""Tells when a connection acts: by how much it changes the mean training loss of each epoch.

A network is set beside one that lacks the connection, seed by seed, in the first study of enough seeds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import polars as pl

from skipscope.analysis.statistics import Estimate, over_seeds
from skipscope.claims.model import MINIMUM_SEEDS
from skipscope.figures import gains as charts
from skipscope.reference.shipped import batch_size
from skipscope.report.document import Block, Panels
from skipscope.report.handin.by_depth import depth_of
from skipscope.report.handin.control import PAIR as CONTROL
from skipscope.report.handin.prose import Prose, bracketed
from skipscope.report.statements import Basis, Source, Statement
from skipscope.report.words import Inline, code, count, literal

LOSS = "loss curve"
DEPTHS = tuple((f"resnet{layers}", f"plain{layers}") for layers in (8, 20, 32, 56))
"""With shortcuts and without, the shallowest first."""
DENSE = ("densenet31_k8", "resnet32"), ("densenet22_k12", "resnet20")
"""With concatenation and with addition, of about as many layers."""
GATED = ("se_resnet_pool", "resnet"), ("se_resnet20", "resnet20")
HALVED = ("se_resnet_pool_half", "resnet")
"""A branch halved by a constant, and not."""
PLAIN = ("densenet31_k8", "plain32"), ("densenet22_k12", "plain20"), ("se_resnet20", "plain20")
"""With concatenation or gates and without any connection, of about as many layers."""
FEWEST = 3
"""Epochs without which there is no course to speak of."""


@dataclass(frozen=True, kw_only=True)
class Gain:
    """By how much a network's mean training loss differs from another's, epoch by epoch."""

    pair: tuple[str, str]
    basis: Basis
    study: str
    epochs: tuple[Estimate, ...]
    """The difference in each epoch, from the first, in nats."""
    change: Estimate
    """How it changes from the second epoch to the last: the first is that of the warm-up."""

    @property
    def source(self) -> Source:
        """What a statement about it rests on."""
        return Source(basis=self.basis, key=LOSS, study=self.study)

    @property
    def grows(self) -> bool:
        """Whether the network leads by more and more from the second epoch on."""
        return self.epochs[1].high < 0 and self.change.high < 0

    @property
    def early(self) -> bool:
        """Whether it leads from the first epoch on, and never by more than there."""
        least = min(each.value for each in self.epochs)
        return self.epochs[0].high < 0 and self.epochs[0].value == least


@dataclass(frozen=True, kw_only=True)
class Gains:
    """What was measured, epoch by epoch: of shortcuts, and of the other connections over two baselines."""

    depths: tuple[Gain, ...]
    control: Gain | None
    plain: tuple[Gain, ...]
    """Dense and gated networks over plain ones."""
    others: tuple[Gain, ...]
    """Over residual ones."""

    @property
    def shortcuts(self) -> tuple[Gain, ...]:
        """The pairs that differ in shortcuts alone."""
        return (*self.depths, *((self.control,) if self.control else ()))

    @property
    def late(self) -> Gain | None:
        """The deepest pair, if the lead that shortcuts give grows there."""
        return self.depths[-1] if self.depths[-1].grows else None

    @property
    def grown(self) -> tuple[Gain, ...]:
        """Dense and gated networks over plain ones, if the lead of each grows from epoch to epoch."""
        always = all(each.grows and each.epochs[0].value > each.epochs[1].value for each in self.plain)
        return self.plain if always else ()

    @property
    def starts(self) -> tuple[tuple[Gain, Gain], ...]:
        """Pairs of leads of one network, over a residual and over a plain one, of which the former is early.

        It is the larger one in the first epoch: the residual network starts behind the plain one.
        """
        over = {(each.pair[0], each.study): each for each in self.plain}
        pairs = ((each, over.get((each.pair[0], each.study))) for each in self.others if each.early)
        led = [(one, two) for one, two in pairs if two]
        return tuple((one, two) for one, two in led if one.epochs[0].value < two.epochs[0].value < 0)

    @property
    def gated(self) -> Gain | None:
        """The first pair in which gates lead early."""
        return next((each for each in self.others if each.early and each.pair in GATED), None)


def gains(prose: Prose) -> Gains | None:
    """Finds what the figure shows; None unless shortcuts and another connection were measured."""
    depths = tuple(found for pair in DEPTHS if (found := gain(prose, pair)))
    plain = tuple(found for pair in PLAIN if (found := gain(prose, pair)))
    others = tuple(found for pair in (*DENSE, *GATED) if (found := gain(prose, pair)))
    if len(depths) < 2 or not others:
        return None
    return Gains(depths=depths, control=gain(prose, CONTROL), plain=plain, others=others)


def gain(prose: Prose, pair: tuple[str, str], fewest: int = FEWEST, within: str = "") -> Gain | None:
    """Compares two networks in the first study, or `within` one, that trained both often and long enough."""
    for (basis, study), series in prose.evidence.series(LOSS, pair):
        if within not in ("", study):
            continue
        one, other = (series.get(arm, {}) for arm in pair)
        losses = {seed: differences(one[seed], other[seed]) for seed in sorted(one.keys() & other.keys())}
        last = min(map(len, losses.values()), default=0)
        if len(losses) < MINIMUM_SEEDS or last < fewest:
            continue
        epochs = [over_seeds({seed: row[at] for seed, row in losses.items()}) for at in range(last)]
        change = over_seeds({seed: row[last - 1] - row[1] for seed, row in losses.items()})
        if change and all(epochs):
            told = tuple(each for each in epochs if each)
            return Gain(pair=pair, basis=basis, study=study, epochs=told, change=change)
    return None


def differences(one: Sequence[Sequence[float]], other: Sequence[Sequence[float]]) -> list[float]:
    """Subtracts two curves of (epoch, seconds, loss), epoch by epoch; without their first step."""
    pairs = zip(one, other, strict=False)
    return [first[2] - second[2] for first, second in pairs if first[0] == second[0] > 0]


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
