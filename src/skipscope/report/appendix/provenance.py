"""Documents what was run, on which machine, and how to reproduce it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from skipscope.records.schema import Likeness, tenths
from skipscope.report.appendix.reference_networks import reference_networks, reversal, starts
from skipscope.report.context import Context
from skipscope.report.document import Block, Code, Column, Note, Paragraph, Section, Table
from skipscope.report.words import Inline, code, count, literal, percent, plain
from skipscope.spec import Recipe


def provenance(context: Context) -> Section:
    """Builds the section on data, recipe, machine, runs and commands."""
    told = (data, recipe, machine, runs, reference_networks, reversal, starts, again)
    parts = {part.__name__: blocks for part in told if (blocks := part(context))}
    return context.section("run", "run", (), context.sections("run", "run", parts))


def facts(titles: Iterable[Inline], rows: Iterable[tuple[str, ...]]) -> Table:
    """Builds a table of facts and their values, under these titles."""
    return Table(kind="facts", columns=tuple(Column(title=title) for title in titles), rows=tuple(rows))


def data(context: Context) -> tuple[Block, ...]:
    """Tabulates the data set, and explains what sealed means."""
    words, record = context.words, context.tables.record
    card, limit = record.data, record.study.train_limit
    told = {
        "name": context.data_name,
        "classes": f"{len(card.classes)}: {', '.join(card.classes)}",
        "train": count(card.train),
        **({} if limit is None else {"limit": count(limit)}),
        "validation": count(card.validation),
        "test": count(card.test),
        "source": card.source,
        **({} if card.likeness is None else {"likeness": likeness(context, card.likeness)}),
        "sha256": code(card.sha256),
    }
    rows = [(words(f"card.{key}"), value) for key, value in told.items()]
    return facts((words("run.fact"), words("run.value")), rows), Paragraph(text=words("run.sealed"))


def likeness(context: Context, found: Likeness) -> Inline:
    """Says how near a copy of CIFAR-10 is to the official set."""
    words = context.words
    if found.exact:
        return words("likeness.exact")
    return words(
        "likeness.inexact",
        order=words("likeness.in_order" if found.labels_in_order else "likeness.other_order"),
        known=words("likeness.known", images=count(found.images_known)) if found.images_known else Inline(""),
        mean=tenths(found.mean),
        std=tenths(found.std),
    )


def recipe(context: Context) -> tuple[Block, ...]:
    """Tabulates every setting, with a column per arm if the arms differ."""
    words, recipes = context.words, context.tables.recipes
    alike = len(set(recipes.values())) == 1
    titles = [words("run.all_arms")] if alike else list(map(code, recipes))
    shown = list(recipes.values())[: len(titles)]
    rows = [
        (words.name(f"recipe.{key}", key), *(setting(context, getattr(each, key)) for each in shown))
        for key in Recipe.model_fields
    ]
    return facts([words("run.setting"), *titles], rows), *budget(context)


def budget(context: Context) -> tuple[Block, ...]:
    """Says how a budget cut the study down, if one was given."""
    record = context.tables.record
    before, study = record.budget, record.study
    if before is None:
        return ()
    text = context.words(
        "run.budget",
        asked=before.asked,
        seeds=study.seeds,
        all_seeds=before.seeds,
        epochs=study.recipe.epochs,
        all_epochs=before.epochs,
        images=count(record.data.train),
        all_images=count(before.images),
    )
    return (Note(text=text, kind="quiet"),)


def setting(context: Context, value: object) -> Inline | str:
    """Puts a recipe's value into words."""
    if value is None or value == ():
        return context.words("value.none")
    if isinstance(value, tuple):
        return ", ".join(map(plain, value))
    return context.words(f"value.{plain(value)}") if isinstance(value, bool) else plain(value)


def machine(context: Context) -> tuple[Block, ...]:
    """Tabulates hardware, threads, versions and commit of the runs."""
    words = context.words
    runs = [record.environment for summary in context.tables.summaries for record in summary.records]

    def told(found: Sequence[Mapping[str, object]]) -> Iterator[tuple[str, str]]:
        for key in dict.fromkeys(chain.from_iterable(found)):
            yield key, distinct(context, [each.get(key) for each in found])

    rows: list[tuple[str, str]] = [
        *((words.name(f"machine.{key}", key), value) for key, value in told([each.machine for each in runs])),
        (words("machine.threads"), distinct(context, [each.threads for each in runs])),
        *((literal(key), value) for key, value in told([each.versions for each in runs])),
    ]
    commit = distinct(context, [each.git for each in runs])
    changed = f" {words('machine.git_changed')}" if "+" in commit else ""
    rows.append((words("machine.git"), Inline(f"{literal(commit)}{changed}")))
    several = any(each != runs[0] for each in runs)
    note = [Note(text=words("run.several"), kind="quiet")] if several else []
    return facts((words("run.fact"), words("run.value")), rows), *note


def distinct(context: Context, values: Iterable[object]) -> str:
    """Lists the distinct values."""
    unknown = context.words("value.unknown")
    written = dict.fromkeys(unknown if value is None else plain(value) for value in values)
    return " / ".join(written) or unknown


def runs(context: Context) -> tuple[Block, ...]:
    """Tabulates every run, and says what the number of seeds allows to conclude."""
    words, tables = context.words, context.tables
    titles = ("arm", "seed", "run", "state", "started", "time", "test")
    rows = []
    for entry in tables.entries:
        record, result = entry.record, entry.record.result if entry.record is not None else None
        run = (code(entry.arm), str(entry.seed), code(entry.run), words(f"runs.states.{entry.state}"))
        started = "—" if record is None else record.started[:16].replace("T", " ")
        time = "—" if result is None else words.duration(result.seconds)
        rows.append((*run, started, time, "—" if result is None else percent(result.test_accuracy)))
    n = tables.record.study.seeds
    key = "one_seed" if n == 1 else "few_seeds" if n < 5 else "many_seeds"
    columns = context.columns("runs", titles, right=("seed", "time", "test"))
    table = Table(columns=columns, rows=tuple(rows), arms=tuple(entry.arm for entry in tables.entries))
    return table, Paragraph(text=words(f"run.{key}", n=n))


def again(context: Context) -> tuple[Block, ...]:
    """Lists the commands that reproduce the report."""
    words, record, typed = context.words, context.tables.record, context.tables.workspace.typed
    report = typed(f"skipscope report {record.study.name}")
    commands = f"{typed(record.command)}\n{report}  {words('run.again_report')}"
    return Paragraph(text=words("run.again_text")), Code(text=commands)
