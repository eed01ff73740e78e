"""Tabulates the four connections side by side: what a layer hands on, gradient, speed and cost."""

from collections.abc import Iterable, Mapping

from skipscope.report.document import Column, Table
from skipscope.report.handin.by_depth import judged_start, unique
from skipscope.report.handin.pieces import Level, Piece
from skipscope.report.handin.prose import Prose
from skipscope.report.statements import Source
from skipscope.report.words import Inline, code, literal, rounded

KINDS = ("plain", "residual", "dense", "gated")
ALIKE = ("plain20", "resnet20", "densenet22_k12", "se_resnet20")
"""A network of each kind, of about as many layers and parameters."""
FOUR = ("cnn", "resnet", "densenet", "se_resnet")
"""The assignment's network of each kind."""
START, TRAINING = "first over last at the start", "first over last in training"
SPEED = {
    "residual": ("resnet56 - plain56", "resnet32 - plain32", "resnet20 - plain20"),
    "dense": (
        "densenet31_k8 - resnet32",
        "densenet22_k12 - resnet20",
        "densenet19_k10 - resnet20",
        "densenet19_k8 - resnet20",
    ),
    "gated": ("se_resnet20 - resnet20", "se_resnet_pool - resnet"),
}
"""Pairs in which only the connection differs, or with dense networks as little as can be; the best first."""
CLAIMS = {"dense": "D3", "gated": "E2"}
Row = tuple[str, dict[str, Inline], tuple[Source, ...]]
"""Name, cells by kind, and what they rest on."""


def four_ways(prose: Prose) -> Table:
    """Builds the table; a row that nothing was measured of is left out."""
    words = prose.context.words
    equations = [
        (name, {kind: words(f"beside.{name}.{kind}") for kind in KINDS}, ()) for name in ("hands_on", "chain")
    ]
    alike = [
        ratios(prose, "alike_start", prose.evidence.levels(START, ALIKE, "start"), ALIKE),
        ratios(prose, "alike_training", prose.evidence.levels(TRAINING, ALIKE), ALIKE),
        alike_errors(prose),
    ]
    own = [own_ratios(prose)]
    told = [*equations, *below("alike", ALIKE, alike), *below("assigned", FOUR, own), *costs(prose)]
    rows = []
    for name, cells, sources in told:
        if cells:
            title = Inline(words(f"beside.row.{name}") + of_study(prose, sources) + prose.mark(sources))
            rows.append((title, *(cells.get(kind, Inline("—")) for kind in KINDS)))
    titles = ("beside.question", *(f"beside.kind.{kind}" for kind in KINDS))
    columns = tuple(Column(title=words(title)) for title in titles)
    table = Table(columns=columns, rows=tuple(rows), caption=words("beside.caption_table"))
    return prose.context.tabled(table)


def below(name: str, arms: Iterable[str], rows: Iterable[Row]) -> list[Row]:
    """Puts the names of the networks above the rows that are about them, and what all of these rest on."""
    found = [row for row in rows if row[1]]
    named = {kind: code(arm) for kind, arm in zip(KINDS, arms, strict=True)}
    origins = {(each.basis, each.study) for _, _, sources in found for each in sources}
    if len(origins) > 1 or not found:
        return [(name, named, ()), *found] if found else []
    every = tuple(dict.fromkeys(each for _, _, sources in found for each in sources))
    return [(name, named, every), *((title, cells, ()) for title, cells, _ in found)]


def of_study(prose: Prose, sources: Iterable[Source]) -> str:
    """Names the study of the reference that a row is from, if it is one."""
    studies = {each.study for each in sources if each.basis == "reference"}
    return prose.context.words("beside.of_study", study=code(*studies)) if len(studies) == 1 else ""


def ratios(prose: Prose, name: str, studies: Iterable[list[Level]], arms: tuple[str, ...]) -> Row:
    """Tells the first gradient over the last of one study: of that with most of these networks."""
    levels = max(studies, key=len, default=[])
    by_arm = {level.arm: level for level in levels}
    if len(by_arm) < 2:
        return name, {}, ()

    def told(level: Level) -> Piece | Level:
        return judged_start(prose, level) if level.quantity == START else level

    cells = {
        kind: prose.times(told(by_arm[arm])) for kind, arm in zip(KINDS, arms, strict=True) if arm in by_arm
    }
    return name, cells, unique((level.source for level in levels), "S1c")


def own_ratios(prose: Prose) -> Row:
    """Tells the ratio in this report's runs of the assignment's networks, before and during training."""
    moments = ((START, "start"), (TRAINING, "end"))
    found = [next(prose.evidence.levels(quantity, FOUR, moment)) for quantity, moment in moments]
    before, during = ({level.arm: level for level in levels} for levels in found)
    cells = {
        kind: prose.context.words(
            "beside.own",
            start=literal(rounded(10 ** before[arm].median)),
            end=literal(rounded(10 ** during[arm].median)),
        )
        for kind, arm in zip(KINDS, FOUR, strict=True)
        if arm in before and arm in during
    }
    sources = unique((level.source for levels in found for level in levels), "S1c")
    return "own", cells if len(cells) > 1 else {}, sources


def alike_errors(prose: Prose) -> Row:
    """Tells the training errors of networks of about as many layers, of the study with most of them."""
    levels = max(prose.evidence.levels("training error", ALIKE), key=len, default=[])
    by_arm = {level.arm: level for level in levels}
    cells = {
        kind: prose.percent(by_arm[arm]) for kind, arm in zip(KINDS, ALIKE, strict=True) if arm in by_arm
    }
    return "alike_errors", cells if len(cells) > 1 else {}, unique((level.source for level in levels), "S3")


def compared(piece: Piece) -> dict[str, Inline]:
    """Names the two networks of a piece."""
    return dict(zip(("one", "other"), map(code, piece.finding.arms), strict=True))


def epochs_of(prose: Prose, pairs: Iterable[str]) -> Piece | None:
    """The first of these pairs whose epochs are settled, else the first that was measured."""
    pieces = prose.evidence.pieces("T1", "epochs")
    found = [pieces[pair] for pair in pairs if pair in pieces and not pieces[pair].confounded]
    return next((piece for piece in found if piece.settled), next(iter(found), None))


def costs(prose: Prose) -> list[Row]:
    """Tells what each adds to parameters, arithmetic and memory, in pairs that are named above."""
    words = prose.context.words
    found = {kind: counts for kind, claim in CLAIMS.items() if (counts := counted(prose, kind, claim))}
    sources = (
        Source(basis="exact", key="params"),
        *(next(iter(each.values())).source for each in found.values()),
    )
    pairs = {"residual": words("beside.cost.residual.pair")} | {
        kind: words("beside.cost.pair", **compared(counts["parameters"])) for kind, counts in found.items()
    }
    sizes = {"residual": words("beside.cost.residual.size")} | {
        kind: words(
            "beside.cost.size",
            parameters=share(prose, counts["parameters"]),
            arithmetic=share(prose, counts["arithmetic"]),
        )
        for kind, counts in found.items()
    }
    memory = {kind: words(f"beside.cost.{kind}.memory") for kind in ("residual", "gated")}
    memory |= {
        kind: words("beside.cost.memory", factor=factor(counts["memory"]))
        for kind, counts in found.items()
        if "memory" in counts
    }
    return [("pairs", pairs, ()), ("size", sizes, sources), ("memory", memory, sources)]


def factor(piece: Piece) -> Inline:
    """Writes a change in per cent as a factor."""
    return literal(rounded(1 + piece.effect.estimate / 100))


def counted(prose: Prose, kind: str, claim: str) -> Mapping[str, Piece]:
    """What was counted of the pair that was timed, else of the first of this kind of which all was."""
    parts = ("parameters", "arithmetic", "memory") if kind == "dense" else ("parameters", "arithmetic")
    timed = epochs_of(prose, SPEED[kind])
    for pair in (*([timed.finding.comparison] if timed else []), *SPEED[kind]):
        found = {part: prose.evidence.pieces(claim, part).get(pair) for part in parts}
        if all(found.values()):
            return {part: piece for part, piece in found.items() if piece}
    return {}


def share(prose: Prose, piece: Piece) -> Inline:
    """Writes a change in per cent; above double as a factor."""
    effect = piece.effect.estimate
    return literal(f"×{rounded(1 + effect / 100)}") if effect > 100 else prose.effect(piece)
