"""Tells it all in one page: the question, the answer in five sentences, the results, and the loss curves."""

from dataclasses import replace

from skipscope.figures.accuracies import accuracy
from skipscope.report.appendix.overlay import loss_figure
from skipscope.report.appendix.results import key_table, what_was_done
from skipscope.report.context import Context
from skipscope.report.document import NOTHING, Figure, Panels, Section, Table
from skipscope.report.families import told_apart
from skipscope.report.handin.beyond_verdicts import vanishes_later
from skipscope.report.handin.brackets import bare
from skipscope.report.handin.by_depth import apart, depth_of, hardly_trained
from skipscope.report.handin.control import in_short
from skipscope.report.handin.degradation import in_another_study
from skipscope.report.handin.epoch_by_epoch import sources_of
from skipscope.report.handin.epoch_gains import gains
from skipscope.report.handin.gate_evidence import cause, clean, controlled
from skipscope.report.handin.gated import per_cent
from skipscope.report.handin.in_short import best, in_one_sentence
from skipscope.report.handin.obstacles import DEPTH, obstacles
from skipscope.report.handin.pieces import Piece
from skipscope.report.handin.prose import Prose, prose_of
from skipscope.report.statements import Source, Statement
from skipscope.report.words import code, rounded, unmarked
from skipscope.spec.derived import CONTROLS

COLUMNS = ("arm", "params", "macs", "test", "time")
HEIGHT = 150
"""Pixels of the curves, so that the page is one."""
EXACT = Source(basis="exact", key="params")


def one_page(context: Context) -> Section:
    """Builds the chapter."""
    prose, shown = replace(prose_of(context), coded=False), foremost(context)
    table = context.tabled(key_table(foremost(context, controls=True), *COLUMNS))
    curves = curves_of_all(shown)
    results = (
        [prose.say("one_page.results", table=prose.table(table), figure=prose.figure(curves[0]))]
        if curves
        else []
    )
    answer: list[list[Statement | None]] = [
        [without(prose), later(prose), caveat(prose)],
        [residual(prose), *in_short(prose), other_weights(prose), when(prose)],
        [dense(prose)],
        [gated(prose)],
        [limits(prose, table), prose.say("one_page.reasons")],
    ]
    return context.section(
        "one-page",
        "one_page",
        [
            prose.paragraph(prose.say("one_page.question"), in_one_sentence(prose)),
            prose.paragraph(*done(prose, shown), *results),
            *bare(prose.paragraphs(*answer)),
            table,
            *curves,
        ],
    )


def foremost(context: Context, *, controls: bool = False) -> Context:
    """The same with the networks that there is room for: of a large study the deepest of each family."""
    tables = context.tables
    kept = {summary.arm for summary in told_apart(tables.summaries)}
    if controls:
        kept |= {summary.arm for summary in tables.summaries if summary.model in CONTROLS}
    entries = tuple(entry for entry in tables.entries if entry.arm in kept)
    # all of them need no tables of their own
    some = 0 < len(entries) < len(tables.entries)
    return replace(context, tables=replace(tables, entries=entries)) if some else context


def done(prose: Prose, shown: Context) -> list[Statement]:
    """Says what was trained."""
    text, arms = what_was_done(shown), prose.context.tables.arms
    told = [Statement(text=text, numbers=(text,))]
    left = {each.model for each in prose.context.tables.summaries if each.arm not in shown.tables.arms}
    if left and left <= CONTROLS.keys():
        told.append(prose.say("one_page.control", arm=code(min(left))))
    elif left:
        told.append(prose.say("one_page.some", all=len(arms)))
    return told


def curves_of_all(context: Context) -> list[Figure | Panels]:
    """Draws training loss and validation accuracy of all networks, low enough for the page."""
    tables, words = context.tables, context.words
    if tables.steps.is_empty():
        return []
    drawn = loss_figure(context)
    trained = replace(drawn, name="loss-of-all", chart=replace(drawn.chart, height=HEIGHT))
    if tables.epochs.is_empty():
        return [trained]
    right = words("one_page.right")
    chart = accuracy(tables.epochs, checks=tables.checks, arms=tables.arms, labels=context.labels)
    validated = replace(
        trained,
        name="validation-accuracy-of-all",
        spoken=unmarked(right),
        chart=replace(chart, height=HEIGHT),
    )
    figures = tuple(replace(each, number="", caption=NOTHING) for each in (trained, validated))
    return [Panels(figures=figures, number=drawn.number, caption=words.joined([drawn.caption, right]))]


def without(prose: Prose) -> Statement | None:
    """Says what happens without shortcuts."""
    start, error = best(prose, "S1a", "start"), prose.evidence.piece("S3", "plain")
    told: dict[str, object] = {}
    sources: list[Source] = []
    if start and start.settled:
        told |= {"network": prose.networks(start), "ratio": prose.times(start)}
        told["layers"] = depth_of(start.finding.arms[0])
        sources.append(start.source)
    rises = "open"
    if error and error.told == "supported":
        found = apart(prose, min(depths(error).values()))
        rises = "apart" if found else "rises"
        told |= {"error": prose.number(error), **depths(error)}
        told |= {"training": found[0].pop("ratio"), **found[0]} if found else {}
        sources += found[1] if found else [error.source]
    key = f"{start.told if start and 'ratio' in told else 'open'}_{rises}"
    return prose.say(f"one_page.without.{key}", *sources, **told) if told else None


def later(prose: Prose) -> Statement | None:
    """Says that the gradient of a deeper network does vanish during training, where that was found."""
    error, fallen = prose.evidence.piece("S3", "plain"), vanishes_later(prose)
    if error is None or error.told != "supported" or fallen is None:
        return None
    found = apart(prose, min(depths(error).values()))
    layers = depth_of(fallen.finding.arms[0])
    if found is None or layers <= int(str(found[0]["deep"])):
        return None
    return prose.say("one_page.without.later", fallen.source, layers=layers, ratio=prose.times(fallen))


def caveat(prose: Prose) -> Statement | None:
    """Says of what training the degradation is, if the deepest network has hardly begun to learn."""
    error = prose.evidence.piece("S3", "plain")
    told = hardly_trained(prose, error) if error else {}
    return prose.say("handin.hardly", error.source, **told) if error and told else None


def other_weights(prose: Prose) -> Statement | None:
    """Says what makes the deep chain start without shortcuts, where that was found."""
    found = obstacles(prose)
    if found is None or not found.answers:
        return None
    return prose.say(f"one_page.residual.obstacles{found.enough}", found.source, layers=DEPTH)


def residual(prose: Prose) -> Statement | None:
    """Says what residual connections change."""
    start, cured = best(prose, "S1c", "start"), prose.evidence.judged("S3")
    told: dict[str, object] = {}
    sources: list[Source] = []
    if start and start.told == "supported":
        told |= {"networks": prose.networks(start, turned=True), "times": prose.inverse(start)}
        sources.append(start.source)
    if cured and cured.verdict == "supported" and {"plain", "resnet"} <= cured.parts.keys():
        error = cured.parts["resnet"]
        told |= {"error": prose.moved(error), "plain": prose.moved(cured.parts["plain"]), **depths(error)}
        told["also"] = in_another_study(prose, cured.parts, "one_page.residual.also")
        sources.append(cured.source)
    key = f"{'evens' if 'times' in told else 'open'}_{'cures' if 'error' in told else 'open'}"
    return prose.say(f"one_page.residual.{key}", *sources, **told) if told else None


def when(prose: Prose) -> Statement | None:
    """Says that leads over plain networks grow, of residual networks alone or with every connection."""
    found = gains(prose)
    if found is None or found.late is None or found.late.epochs[0].low <= 0:
        return None
    sources = sources_of([found.late, *found.grown])
    return prose.say(f"one_page.residual.{'grow' if found.grown else 'later'}", *sources)


def dense(prose: Prose) -> Statement | None:
    """Says what dense connections are worth and cost."""
    accuracy = clean(prose, "D3", "accuracy")
    if accuracy is None:
        return None
    fewer, memory = (prose.evidence.along(accuracy, part) for part in ("parameters", "memory"))
    if fewer is None or memory is None or memory.effect.estimate <= 0:
        return None
    told = {"accuracy": prose.change(accuracy), "share": f"{rounded(100 + fewer.effect.estimate)}%"}
    return prose.say(f"one_page.dense.{accuracy.told}", accuracy.source, **told)


def gated(prose: Prose) -> Statement | None:
    """Says what gates cost and bring, and whether it is their content that brings it."""
    price, gain = clean(prose, "E2", "parameters"), clean(prose, "E3", "accuracy")
    if price is None or gain is None:
        return None
    shown = prose.change if gain.told == "contradicted" else prose.moved
    told: dict[str, object] = {"parameters": per_cent(price), "accuracy": shown(gain)}
    told["networks"] = prose.networks(gain)
    sources = [price.source, gain.source]
    image = controlled(prose)
    why = cause(prose) if image else ""
    if image and why:
        sources.append(image.source)
        half = prose.evidence.along(image, "half")
        told["half"] = prose.number(half) if half else ""
    key = why or gain.told
    return prose.say(f"one_page.gated.{key}", *sources, **told)


def limits(prose: Prose, table: Table) -> Statement:
    """Says what cannot be concluded."""
    return prose.say("one_page.limits", EXACT, table=prose.table(table))


def depths(piece: Piece) -> dict[str, int]:
    """The layers of the shallowest and the deepest network of a comparison."""
    found = sorted(map(depth_of, piece.finding.arms))
    return {"shallow": found[0], "deep": found[-1]}
