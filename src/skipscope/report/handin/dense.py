"""Explains how a dense network trains: what concatenation does to gradients, features and parameters."""

from collections.abc import Mapping, Sequence
from math import inf

import polars as pl

from skipscope.analysis.quantities import NOTICED
from skipscope.analysis.trained_readings import ALL
from skipscope.report.document import Block, Equation, Figure
from skipscope.report.handin.basis import disagreements
from skipscope.report.handin.by_depth import FAMILIES, START, depth_of, judged_start, unique
from skipscope.report.handin.dense_accuracy import CLASSROOM, counted, limits, parameters
from skipscope.report.handin.pieces import Level, Piece
from skipscope.report.handin.prose import Prose, bracketed
from skipscope.report.handin.reuse_map import connections, reuse_figure
from skipscope.report.statements import Source, Statement
from skipscope.report.words import Inline, literal, rounded

TRAINING = "first over last in training"
HUANG, PLEISS = (Source(basis="known", key=key) for key in ("huang2017", "pleiss2017"))


def dense(prose: Prose, figures: Sequence[Figure] = ()) -> list[Block]:
    """Writes the section: mechanism, textbook, measurements, what follows, and what it costs.

    `figures` are those of `by_depth.depth_figures`.
    """
    say, equation = prose.say, prose.context.words.raw
    table = connections(prose)
    drawn = None if table is None else reuse_figure(prose, table)
    return [
        prose.paragraph(say("dense.reads")),
        Equation(lines=tuple(equation("dense.equation"))),
        prose.paragraph(say("dense.gradient")),
        Equation(lines=tuple(equation("dense.gradient_equation"))),
        prose.paragraph(say("dense.short_paths")),
        *prose.paragraphs([say("dense.addition")], [say("dense.channels")]),
        prose.paragraph(say("dense.textbook", HUANG)),
        *prose.paragraphs(reused(prose, drawn, table)),
        *([drawn] if drawn else []),
        *prose.paragraphs(*gradients(prose, next(iter(figures), None)), [*parameters(prose), *limits(prose)]),
        *prose.paragraphs(disagreements(prose, "D1", "D2", "D3", "D4"), cost(prose)),
    ]


def reused(prose: Prose, drawn: Figure | None, table: pl.DataFrame | None) -> list[Statement]:
    """Says whether the layers use all that they read, and what that costs to do without."""
    said = []
    if (judged := prose.evidence.judged("D1")) is not None and judged.settled:
        parts = {piece.finding.part: piece for piece in judged.pieces}
        if {"weight", "ablation"} <= parts.keys():
            verdict = judged.verdict
            pairs = points(parts["ablation"], signs=verdict != "supported")
            told = {"weight": prose.change(parts["weight"]), "pairs": pairs}
            said.append(prose.say(f"dense.reuse.{verdict}", judged.source, study=judged.study, **told))
    if drawn is not None and table is not None:
        everywhere = table["target"] == ALL
        single = table.filter(~everywhere)["loss_change"].to_list()
        whole = table.filter(everywhere).sort("loss_change", descending=True)
        source = Source(basis="own", key="reuse by ablation", study=prose.evidence.study)
        lower = [-each for each in single if each < 0]
        bound = max([NOTICED, *lower])
        used = {"used": sum(each > bound for each in single), "all": len(single)}
        figure, least = prose.figure(drawn), literal(rounded(bound))
        said.append(prose.say("dense.used", source, figure=figure, bound=least, **used))
        if len(whole) > 1 and whole["of"][0] == table["of"][0]:  # the block's input comes first
            costs = zip(("input", "others"), whole["loss_change"].head(2), strict=True)
            told = {each: literal(rounded(value)) for each, value in costs}
            said.append(prose.say("dense.cut", source, **told))
    return [prose.say("dense.connection"), *said, prose.say("dense.ablation")] if said else []


def levels(prose: Prose, family: str) -> dict[int, Level]:
    """Returns log10 of the first gradient over the last before training, by a family's numbers of layers."""
    found = {n: prose.evidence.level(START, arm, "start") for n, arm in FAMILIES[family].items()}
    return {layers: level for layers, level in found.items() if level}


def gradients(prose: Prose, drawn: Figure | None) -> tuple[list[Statement], list[Statement]]:
    """Says how the gradient arrives before and during training, and what depth costs."""
    plain, found = levels(prose, "plain"), levels(prose, "densenet")
    ours = tuple(FAMILIES["densenet"].values())
    starts = [each for each in prose.evidence.pieces("D2", "start").values() if each.finding.arms[0] in ours]
    said, words = [], prose.context.words
    alike = {layers: plain[layers + 1] for layers in found if layers + 1 in plain}
    if alike and starts:
        deepest = max(alike)
        told = {
            "layers": deepest,
            "ratio": prose.times(found[deepest]),
            "other": deepest + 1,
            "plain": prose.times(judged_start(prose, alike[deepest])),
            "figure": Inline(words.raw("dense.see").format(prose.figure(drawn))) if drawn else "",
        }
        better = all(piece.finding.verdict == "supported" for piece in starts)
        sources = unique([each.source for each in (*found.values(), *alike.values())], "D2")
        said.append(prose.say(f"dense.start.{'better' if better else 'numbers'}", *sources, **told))
    after, deeper = later(prose), with_depth(prose)
    said += [told for _, told in after]
    training = [told for _, told in deeper]
    if [verdict for verdict, _ in (*after, *deeper[:1])] == ["worse", "supported"]:
        training += [prose.say("dense.uneven", *deeper[0][1].sources), prose.say("dense.candidates")]
    return said, training


def later(prose: Prose) -> list[tuple[str, Statement]]:
    """Says whether the gradient is better kept during training as well, at the greatest measured depth.

    "worse" is what is contradicted to the point that the opposite holds.
    """
    pieces = prose.evidence.pieces("D2", "training").values()
    settled = [each for each in pieces if each.settled and each.finding.arms[1].startswith("plain")]
    piece = max(settled, key=lambda each: depth_of(each.finding.arms[1]), default=None)
    if piece is None:
        return []
    found = [prose.evidence.level_of(piece, TRAINING, arm) for arm in piece.finding.arms]
    if len(found) != 2 or None in found:
        return []
    ours, plain = (level for level in found if level)
    told = {"dense": prose.times(ours), "plain": prose.times(plain)}
    key = "worse" if piece.effect.interval and piece.effect.interval[0] > 0 else piece.finding.verdict
    layers = dict(zip(("depth", "layers"), map(depth_of, piece.finding.arms), strict=True))
    return [(key, prose.say(f"dense.training.{key}", piece.source, **layers, **told))]


def with_depth(prose: Prose) -> list[tuple[str, Statement]]:
    """Says how much more depth costs plain networks than dense ones."""
    piece = prose.evidence.piece("D2", "interaction")
    if piece is None:
        return []
    depths = sorted(depth_of(arm) for arm in piece.finding.arms if arm.startswith("plain"))
    verdict = piece.finding.verdict if piece.settled else "inconclusive"
    told = {"shallow": depths[0], "deep": depths[-1], "effect": prose.number(piece)}
    plain, ours = (errors(prose, piece, kind) for kind in ("plain", "densenet"))
    if not (len(plain) == len(ours) == 2):
        return [(verdict, prose.say(f"dense.depth.{verdict}", piece.source, **told))]
    ends = zip(("plain_before", "plain_after", "before", "after"), (*plain, *ours), strict=True)
    behind = {end: prose.percent(level) for end, level in ends}
    if verdict == "supported" and below(*plain) and falls(prose, piece):
        return [(verdict, prose.say("dense.depth.supported_fall", piece.source, **told, **behind))]
    said = prose.say(f"dense.depth.{verdict}", piece.source, **told)
    return [(verdict, said), ("errors", prose.say("dense.errors", piece.source, **behind))]


def errors(prose: Prose, piece: Piece, kind: str) -> list[Level]:
    """Returns the training errors behind what depth costs, the shallow network's first."""
    arms = sorted((arm for arm in piece.finding.arms if arm.startswith(kind)), key=depth_of)
    found = (prose.evidence.level_of(piece, "training error", arm) for arm in arms)
    return [level for level in found if level]


def falls(prose: Prose, piece: Piece) -> bool:
    """Whether the training error of the dense networks falls with depth, beyond both intervals."""
    found = errors(prose, piece, "densenet")
    return len(found) == 2 and below(found[1], found[0])


def below(less: Level, more: Level) -> bool:
    """Whether one level lies below another beyond both intervals."""
    return less.ends[2] < more.ends[1]


def cost(prose: Prose) -> list[Statement]:
    """Says what concatenation costs in memory and arithmetic."""
    said = [prose.say("dense.memory", PLEISS)]
    told: Mapping[str, Piece] = counted(prose, CLASSROOM)
    if {"arithmetic", "memory"} <= told.keys():
        times = {part: rounded(1 + told[part].effect.estimate / 100) for part in ("arithmetic", "memory")}
        said.append(prose.say("dense.cost", told["memory"].source, **times))
    return said


def points(piece: Piece, *, signs: bool) -> Inline:
    """Writes a difference of shares in percentage points."""
    value, low, high = (100 * end for end in (piece.effect.estimate, *(piece.effect.interval or (-inf, inf))))
    return bracketed(value, low, high, signs=signs)
