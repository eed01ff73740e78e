"""Compares with the papers: published and measured error and parameters, and how the recipes differ."""

from skipscope.analysis.papers import Difference, Published, differences, error_of, published, recipe_of
from skipscope.analysis.tables import ArmSummary, Spread
from skipscope.report.context import Context, bracketed, interval
from skipscope.report.document import Block, Note, Paragraph, Section, Table
from skipscope.report.words import Inline, code, count, plain
from skipscope.spec import Recipe


def papers(context: Context) -> tuple[Section, ...]:
    """Builds a table of the arms that a paper reports, if there are any and the data are CIFAR-10."""
    words, tables, reports = context.words, context.tables, published()
    known = [(arm, reports[arm.model]) for arm in tables.summaries if arm.model in reports]
    if not known or tables.record.data.name != "cifar10":
        return ()
    titles = ("arm", "published", "measured", "published_params", "params", "recipe")
    table = Table(
        columns=context.columns("papers", titles, right=titles[1:-1]),
        rows=tuple(row(context, summary, value) for summary, value in known),
        caption=words("papers.caption"),
        arms=tuple(summary.arm for summary, _ in known),
    )
    blocks: list[Block] = [Paragraph(text=words("papers.text")), table]
    if any(summary.model.startswith("plain") for summary in tables.summaries):
        blocks.append(Note(text=words("papers.plain"), kind="quiet"))
    return (context.section("papers", "papers", blocks),)


def row(context: Context, summary: ArmSummary, value: Published) -> tuple[str, ...]:
    """Returns the row of one network."""
    recipe = context.tables.recipes[summary.arm]
    return (
        code(summary.arm),
        reported(context, value, recipe),
        measured(context, summary),
        "—" if value.params is None else f"{value.params / 1e6:g}M",
        "—" if summary.network is None else count(summary.network.params),
        differing(context, value, recipe),
    )


def reported(context: Context, value: Published, recipe: Recipe) -> Inline:
    """Writes the published error with its source and the paper's remarks."""
    words, error = context.words, error_of(value, recipe)
    said = [words("papers.error", error=f"{error:.2f}", source=value.source)]
    if error != value.error:
        said.append(words("papers.no_augmentation"))
    if value.baseline_error is not None:
        said.append(words("papers.baseline", error=f"{value.baseline_error:.2f}"))
    if value.note is not None:
        said.append(words.name(f"papers.notes.{value.model}", value.note))
    return Inline(words.raw("list.clause").join(said))


def measured(context: Context, summary: ArmSummary) -> Inline:
    """Writes the error on the sealed test set, with Wilson's interval for one run, the range for several."""

    def errors(found: Spread) -> str:
        low, high = interval(found, context.tables.record.data.test)
        return bracketed(found.n, 1 - found.mean, 1 - high, 1 - low, digits=2)

    return context.cell(summary, "test_accuracy", errors)


def differing(context: Context, value: Published, recipe: Recipe) -> Inline:
    """Lists how the recipes differ, or says that they agree in what the paper names."""
    words, paper, record = context.words, recipe_of(value, recipe), context.tables.record
    if paper is None:
        return words("papers.unknown_recipe")
    found = differences(recipe, record.study.train_limit or record.data.train, paper)
    if not found:
        return words("papers.same_recipe", source=paper.source)
    return Inline(words.raw("list.clause").join(named(context, difference) for difference in found))


def named(context: Context, difference: Difference) -> Inline:
    """Puts a difference into words."""
    words, key = context.words, difference.key
    if words.has(f"papers.besides.{key}"):
        return words(f"papers.besides.{key}")
    what = words.name(f"papers.settings.{key}", key)
    ours, theirs = (setting(context, key, value) for value in (difference.ours, difference.theirs))
    return words("papers.difference", what=what, ours=ours, theirs=theirs)


def setting(context: Context, key: str, value: object) -> Inline:
    """Writes a recipe's value in the terms of the papers."""
    words = context.words
    if key == "milestones":
        if not isinstance(value, tuple) or not value:
            return words("papers.cosine")
        return words("papers.steps", shares=words.listed([f"{100 * share:g}%" for share in value]))
    if value is None:
        return words("value.none")
    if isinstance(value, bool):
        return words(f"value.{plain(value)}")
    return words.name(f"papers.values.{value}", plain(value))
