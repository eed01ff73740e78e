"""Concludes: a row a sentence of textbooks, what is not settled, and the limits."""

from dataclasses import replace

from skipscope.analysis.papers import published, recipe_of
from skipscope.claims.catalogue import catalogue
from skipscope.reference.shipped import batch_size
from skipscope.report.context import Context
from skipscope.report.document import Column, Section, Table
from skipscope.report.handin.basis import most_before_training
from skipscope.report.handin.network_by_network import network_by_network
from skipscope.report.handin.prose import Prose, prose_of
from skipscope.report.handin.textbook import answers, unsettled
from skipscope.report.statements import Source, Statement
from skipscope.report.words import count

ROWS = 6
"""With more, the hand-in would be too long."""
COLUMNS = ("sentence", "found", "basis", "sure")


def conclusion(context: Context) -> Section:
    """Builds the chapter."""
    prose = replace(prose_of(context), coded=False)
    limits = prose.paragraph(prose.say("conclusion.limits"), *limits_of(prose))
    found = verdicts(prose_of(context))
    told = [prose.say("conclusion.against", table=prose.table(table)) for table in found]
    open_ones = unsettled(prose)
    counts = {"all": len(catalogue()), "open": len(open_ones), "codes": prose.codes(open_ones)}
    rest = [prose.say("conclusion.open", **counts)] if open_ones else []
    answer = prose.paragraphs(*network_by_network(prose), [*told, *rest])
    return context.section("conclusion", "conclusion", [*answer, limits, *found])


def verdicts(prose: Prose) -> list[Table]:
    """Sets what was found against each sentence that is settled."""
    words, told = prose.context.words, answers(prose, most=ROWS)
    rows = [
        (
            words(f"conclusion.rows.{each.key}.sentence"),
            each.found.text,
            each.basis,
            words(f"conclusion.sure.{each.sure}"),
        )
        for each in told
    ]
    table = Table(
        kind="answers",
        columns=tuple(Column(title=words(f"conclusion.column.{key}")) for key in COLUMNS),
        rows=tuple(rows),
        caption=words("conclusion.caption"),
        statements=tuple(each.found for each in told),
    )
    return [prose.context.tabled(table)] if rows else []


def limits_of(prose: Prose) -> list[Statement]:
    """Says in a line each what restricts all that was said: data, budget, recipe, seeds, networks."""
    seeds = {len(arm.seeds) for card in prose.evidence.reference.values() for arm in card.arms if arm.seeds}
    most = most_before_training(prose)
    told = {
        "own": prose.context.tables.record.study.seeds,
        "reference": "–".join(map(str, dict.fromkeys((min(seeds, default=0), max(seeds, default=0))))),
        "start": most,
    }
    more = most > max(seeds, default=0)
    return [
        data(prose),
        *budget(prose),
        prose.say("conclusion.limit.recipe"),
        prose.say(f"conclusion.limit.seeds{'_and_start' if more else ''}", **told),
        prose.say("conclusion.limit.networks", Source(basis="exact", key="params")),
    ]


def data(prose: Prose) -> Statement:
    """Says on what was trained, here and in the reference."""
    words, own = prose.context.words, prose.context.data_name
    names = {words(f"data.cifar10_{each.fidelity or 'exact'}") for each in prose.evidence.reference.values()}
    if names == {own}:
        return prose.say("conclusion.limit.data_of_both", data=own)
    whole = names == {words("data.cifar10_exact")}
    return prose.say(f"conclusion.limit.data_{'apart' if whole else 'copies'}", data=own)


def budget(prose: Prose) -> list[Statement]:
    """Says how much less a run was trained than in the paper, if it was."""
    record = prose.context.tables.record
    recipe, images = record.study.recipe, record.study.train_limit or record.data.train
    steps = recipe.epochs * max(1, images // recipe.batch_size)
    paper = recipe_of(published()["resnet20"], recipe)
    if paper is None or paper.updates is None or steps >= paper.updates:
        return []
    told = {"steps": count(steps), "paper": count(paper.updates), "reference": reference_steps(prose)}
    return [prose.say("conclusion.limit.budget", Source(basis="known", key="he2015"), **told)]


def reference_steps(prose: Prose) -> str:
    """Says how many updates runs of the reference make: 100–200."""
    found = sorted(
        arm.epochs * (card.images // batch_size(card.study))
        for card in prose.evidence.reference.values()
        for arm in card.arms
    )
    return "–".join(dict.fromkeys((count(found[0]), count(found[-1])))) if found else "0"
