"""Tells the experiment on what keeps a deep plain network from starting: what was done, what came of it."""

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from skipscope.analysis.step_quantities import LAST
from skipscope.figures import starts, style
from skipscope.reference import shipped
from skipscope.reference.losses import LossCurve, loss_curves
from skipscope.report.document import Block, Column, Figure, Table
from skipscope.report.handin.course import CHANCE
from skipscope.report.handin.obstacles import DEPTH, NETWORKS, Obstacles, obstacles
from skipscope.report.handin.prose import Prose
from skipscope.report.statements import Source, Statement
from skipscope.report.words import Inline, code, literal, rounded

BALDUZZI = Source(basis="known", key="balduzzi2017")
PLAIN, MIRRORED, RESIDUAL = (style.FAMILIES[kind].color for kind in ("plain", "densenet", "resnet"))
UNEVEN, EVEN = (4, 3), (1, 0)
LOOKS = {
    "usual": style.Look(PLAIN, UNEVEN, "circle"),
    "even": style.Look(PLAIN, EVEN, "triangle-up"),
    "agreeing": style.Look(MIRRORED, UNEVEN, "diamond"),
    "both": style.Look(MIRRORED, EVEN, "triangle-down"),
    "residual": style.Look(RESIDUAL, EVEN, "square"),
}
"""Mirrored weights have a colour of their own, and where the first update is uneven, lines are dashed."""


def experiment(prose: Prose) -> list[Block]:
    """Writes what was done, the table, what came of it, and what it does not show; curves are appended."""
    found = obstacles(prose)
    if found is None:
        return []
    table = tabled(prose, found)
    told = {"study": found.losses["usual"].study, "layers": DEPTH, "table": prose.table(table)}
    done = prose.say("obstacles.done", BALDUZZI, **told)
    return [prose.paragraph(done), table, prose.paragraph(*outcome(prose, found))]


def outcome(prose: Prose, found: Obstacles) -> list[Statement]:
    """Says which obstacle stands in the way, as far as the intervals tell."""
    apart = prose.change(found.difference("both", "residual"))
    source, usual = found.source, "fails" if found.fails else "learns"
    said = [
        prose.say(f"obstacles.usual.{usual}", source, rates=len(found.usual)),
        prose.say(f"obstacles.one.{_one(found)}", source),
        prose.say(f"obstacles.residual.{_beside(found)}", source, apart=apart),
    ]
    if found.answers:
        said.append(prose.say(f"obstacles.so{found.enough}", source))
    return [*said, prose.say("obstacles.limit")]


def tabled(prose: Prose, found: Obstacles) -> Table:
    """Lists each network's initial weights, what they do before training, and what it comes to."""
    words = prose.context.words
    rows = [
        (
            words(f"obstacles.weights.{key}", network=code(network.partition("_")[0])),
            literal(rounded(10 ** found.spreads[key].median)),
            literal(f"{found.agreements[key].median:.2f}".replace("-0.00", "0.00")),
            words("obstacles.of", best=literal(found.rates[key]), tried=literal(found.tried[key])),
            prose.number(found.losses[key]),
        )
        for key, network in NETWORKS.items()
    ]
    titles = words.raw("obstacles.titles")
    columns = tuple(
        Column(title=Inline(title), align="right" if n else "left") for n, title in enumerate(titles)
    )
    told = {"steps": LAST, "seeds": found.seeds}
    caption = prose.say("obstacles.caption", found.source, **told)
    numbers = (*caption.numbers, *(str(cell) for row in rows for cell in row[1:]))
    return prose.context.tabled(
        Table(
            columns=columns,
            rows=tuple(rows),
            caption=caption.text,
            statements=(replace(caption, numbers=numbers),),
        )
    )


def curves_figure(prose: Prose, found: Obstacles) -> Figure | None:
    """Draws each network of the experiment at its best rate; None where no curves are known."""
    arms = {key: level.arm for key, level in found.losses.items()}
    curves = _curves(prose, found, arms)
    if not curves.keys() >= set(arms.values()):
        return None
    context = prose.context
    names = {key: str(context.charts.raw(f"obstacles.legend.{key}")) for key in arms}
    rows = [(names[key], *of_step) for key, arm in arms.items() for of_step in curves[arm].by_step]
    chart = starts.starts(
        pl.DataFrame(rows, starts.SCHEMA, orient="row"),
        looks={names[key]: LOOKS[key] for key in arms},
        guess=CHANCE,
        labels=context.labels,
    )
    caption = context.words("obstacles.caption_curves", chance=f"{CHANCE:.2f}")
    return context.figure("losses-without-obstacles", chart, caption=caption, spoken=caption)


def _curves(prose: Prose, found: Obstacles, arms: Mapping[str, str]) -> Mapping[str, LossCurve]:
    """Returns the curves of the study that the experiment is told from."""
    basis, study = found.losses["usual"].origin
    if basis == "own":
        return loss_curves(prose.evidence.tables, list(arms.values()))
    return shipped.losses().get(study, {})


def _one(found: Obstacles) -> str:
    """Says which of the two helps by itself: both, even, agreeing or neither."""
    helps = {key: found.lower(key, "usual") for key in ("even", "agreeing")}
    if all(helps.values()):
        return "both"
    return next((key for key, does in helps.items() if does), "neither")


def _beside(found: Obstacles) -> str:
    """Says how the chain without either obstacle ends beside the residual network."""
    if found.lower("both", "residual"):
        return "lower"
    return "higher" if found.lower("residual", "both") else "alike"
