"""Explains why the gradient of a deep chain vanishes in training although it explodes before.

A layer divides the gradient by the deviation that BatchNorm meets; what counts is how much more of the signal
than of the gradient it lets through (`probes/signal_alignment.py`). The sentences are said of the deepest
plain network of a study that measured both ends, and only where the measurement shows what they say.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from skipscope.claims.model import MINIMUM_SEEDS
from skipscope.report.document import Block, Column, Equation, Table
from skipscope.report.handin.by_depth import CLEAR, DEPTHS
from skipscope.report.handin.pieces import Level
from skipscope.report.handin.prose import Prose, bracketed
from skipscope.report.statements import Source, Statement
from skipscope.report.words import Inline, code, literal, rounded

FORWARD, BACKWARD, RELU = "forward gain", "backward gain", "relu gain"
RATIO = "first over last of one batch"
ENDS = ("start", "end")
BY_CONVOLUTIONS, BY_RELUS = "first over last by convolutions", "first over last by relus"


@dataclass(frozen=True, kw_only=True)
class Course:
    """A logarithm before and after training, seed by seed."""

    start: Level
    end: Level

    @property
    def fall(self) -> Level:
        """Gives by how much it has fallen."""
        pairs = zip(self.start.values, self.end.values, strict=True)
        return replace(self.end, values=tuple(before - after for before, after in pairs))

    @property
    def falls(self) -> bool:
        """Whether its interval tells a fall."""
        return self.fall.ends[1] > 0

    @property
    def rises(self) -> bool:
        """Whether its interval tells a rise."""
        return self.fall.ends[2] < 0


@dataclass(frozen=True, kw_only=True)
class Reversal:
    """What training does to signal and gradient in a deep plain network."""

    depth: int
    ratio: Course
    forward: Course
    backward: Course
    relu: Course
    convolutions: Course
    relus: Course


def reversal(prose: Prose) -> Reversal | None:
    """Returns that of the deepest plain network that was measured, if it is what the texts say."""
    for depth in sorted(DEPTHS, reverse=True):
        ratio = next(courses(prose, RATIO, f"plain{depth}"), None)
        if ratio is not None:
            return measured(prose, depth, ratio)
    return None


def measured(prose: Prose, depth: int, ratio: Course) -> Reversal | None:
    """Collects what the plain network of this depth shows; None where that is not what the texts say."""
    found = {
        name: course(prose, name, ratio) for name in (FORWARD, BACKWARD, RELU, BY_CONVOLUTIONS, BY_RELUS)
    }
    forward, backward, relu, convolutions, relus = found.values()
    if not (forward and backward and relu and convolutions and relus):
        return None
    exploded = ratio.start.median > CLEAR and ratio.falls and relu.start.ends[1] > 0
    if not (exploded and forward.rises and convolutions.falls):
        return None
    kept = {"forward": forward, "backward": backward, "relu": relu}
    return Reversal(depth=depth, ratio=ratio, convolutions=convolutions, relus=relus, **kept)


def alignment(prose: Prose) -> list[Block]:
    """Derives what a layer does to the gradient, and tells how training changes it."""
    found = reversal(prose)
    if found is None:
        return []
    forward, backward, relu, ratio = found.forward, found.backward, found.relu, found.ratio
    table = tabled(prose, (forward, backward, relu), found.depth)
    sigmas = {f"sigma_{at}": factor(sigma(forward, backward, relu, at)) for at in ENDS}
    gains = {"forward": about(forward.end), "backward": about(backward.end)}
    parts = {at: literal(rounded(10 ** getattr(ratio, at).ends[0])) for at in ENDS}
    parts |= {"all": prose.times(ratio.fall), "convolutions": prose.times(found.convolutions.fall)}
    key = "both" if found.relus.falls else "convolutions"
    parts["study"] = literal(ratio.end.study)
    if found.relus.falls:
        parts["relus"] = prose.times(found.relus.fall)
        explained = found.convolutions.fall.ends[0] + found.relus.fall.ends[0]
        parts["rest"] = literal(rounded(10 ** (ratio.fall.ends[0] - explained)))  # of the means told above
    sources = table.statements[0].sources
    return [
        prose.paragraph(prose.say("without.alignment.factor")),
        Equation(lines=tuple(prose.context.words.raw("without.alignment.equation"))),
        table,
        prose.paragraph(
            prose.say("without.alignment.trained", *sources, **gains, **sigmas),
            prose.say(f"without.alignment.{key}", ratio.end.source, found.convolutions.end.source, **parts),
            limit(prose, found.depth, ratio),
        ),
    ]


def tabled(prose: Prose, gains: tuple[Course, Course, Course], depth: int) -> Table:
    """Lists what one layer does before and after training, of the residual network of that depth as well.

    `gains` are those of the plain network: forward, backward and by ReLU. The shortcuts of a residual network
    pass its layers by, so that no sigma of a layer says how its gradient grows.
    """
    words, rows, sources = prose.context.words, list[tuple[str, ...]](), list[Source]()
    ours = [course(prose, name, gains[0], f"resnet{depth}") for name in (FORWARD, BACKWARD, RELU)]
    beside = [each for each in ours if each]
    shown: list[tuple[str, Sequence[Course]]] = [(f"plain{depth}", gains)]
    shown += [(f"resnet{depth}", beside)] if len(beside) == len(gains) else []
    for arm, levels in shown:
        for at in ENDS:
            gained = [about(getattr(each, at)) for each in levels]
            whole = factor(sigma(*gains, at)) if levels is gains else words("without.alignment.none")
            rows.append((code(arm), words(f"without.alignment.at.{at}"), *gained, whole))
        sources += [each.end.source for each in levels]
    titles = words.raw("without.alignment.titles")
    columns = [
        Column(title=Inline(title), align="left" if n < 2 else "right") for n, title in enumerate(titles)
    ]
    caption = prose.say("without.alignment.caption", *dict.fromkeys(sources))
    numbers = tuple(cell for row in rows for cell in row[2:])
    return Table(
        columns=tuple(columns),
        rows=tuple(rows),
        caption=caption.text,
        statements=(replace(caption, numbers=numbers),),
    )


def limit(prose: Prose, depth: int, ratio: Course) -> Statement:
    """Says what does not follow, and that residual networks of that depth are aligned too, if they are."""
    forward = course(prose, FORWARD, ratio, f"resnet{depth}")
    if not (forward and forward.rises):
        return prose.say("without.alignment.limit")
    return prose.say("without.alignment.beside", forward.end.source, layers=depth)


def sigma(forward: Course, backward: Course, relu: Course, at: str) -> Level:
    """Gives what a layer multiplies the gradient by: sigma^2 = (b / f) (rho / v), as logarithms by seed."""
    levels: list[Level] = [getattr(each, at) for each in (forward, backward, relu)]
    triples = zip(*(level.values for level in levels), strict=True)
    return replace(levels[0], values=tuple((b - f + r) / 2 for f, b, r in triples))


def about(level: Level) -> Inline:
    """Writes the middle of a logarithm over its seeds as a factor."""
    return literal(f"{10**level.median:.2f}")


def factor(level: Level) -> Inline:
    """Writes a logarithm as a factor near one, to what its interval carries."""
    return bracketed(*(10**end for end in level.ends))


def courses(prose: Prose, quantity: str, arm: str) -> Iterator[Course]:
    """Yields a quantity at both ends from each study that has seeds enough, in the order of `levels`."""
    for starts, ends in zip(*(prose.evidence.levels(quantity, [arm], at) for at in ENDS), strict=True):
        for start, end in zip(starts, ends, strict=False):
            if len(start.values) == len(end.values) >= MINIMUM_SEEDS:
                yield Course(start=start, end=end)


def course(prose: Prose, quantity: str, of: Course, arm: str = "") -> Course | None:
    """Gives another quantity in the same study, of the same network or of another."""
    found = courses(prose, quantity, arm or of.end.arm)
    return next((each for each in found if each.end.origin == of.end.origin), None)
