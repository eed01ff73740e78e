"""Documents what was run, on which machine, and how to reproduce it."""

from collections.abc import Iterable, Sequence

from skipscope.report.context import Context
from skipscope.report.document import Block, Code, Column, Note, Paragraph, Section, Table
from skipscope.report.words import Inline, code, count, literal, percent, plain
from skipscope.spec import Recipe


def provenance(context: Context, number: str) -> Section:
    """The section on data, recipe, machine, runs and commands."""
    parts = {
        "data": data(context),
        "recipe": recipe(context),
        "machine": machine(context),
        "runs": runs(context),
        "again": again(context),
    }
    return Section(
        id="run",
        number=number,
        title=context.words("run.title"),
        sections=context.sections("run", number, "run", parts),
    )


def facts(context: Context, rows: Iterable[tuple[str, str]], *, first: str = "run.fact") -> Table:
    """A table of facts and their values."""
    words = context.words
    return Table(
        kind="facts", columns=(Column(title=words(first)), Column(title=words("run.value"))), rows=tuple(rows)
    )


def data(context: Context) -> tuple[Block, ...]:
    """Tabulates the data set, and explains what sealed means."""
    words, record = context.words, context.tables.record
    card = record.data
    rows: list[tuple[str, str]] = [
        (words("card.name"), words.name(f"data.{card.name}", card.name)),
        (words("card.classes"), f"{len(card.classes)}: {', '.join(card.classes)}"),
        (words("card.train"), count(card.train)),
        (words("card.validation"), count(card.validation)),
        (words("card.test"), count(card.test)),
        (words("card.source"), card.source),
        (words("card.sha256"), code(card.sha256)),
    ]
    if record.study.train_limit is not None:
        rows.insert(3, (words("card.limit"), count(record.study.train_limit)))
    return facts(context, rows), Paragraph(text=words("run.sealed"))


def recipe(context: Context) -> tuple[Block, ...]:
    """Tabulates every setting, with a column per arm if the arms differ."""
    words, recipes = context.words, context.tables.recipes
    alike = len(set(recipes.values())) == 1
    shown = dict(list(recipes.items())[:1]) if alike else recipes
    titles = [words("run.all_arms")] if alike else [code(arm) for arm in shown]
    rows = tuple(
        (
            words.name(f"recipe.{key}", key),
            *(setting(context, getattr(of_arm, key)) for of_arm in shown.values()),
        )
        for key in Recipe.model_fields
    )
    return (
        Table(
            kind="facts",
            columns=(Column(title=words("run.setting")), *(Column(title=title) for title in titles)),
            rows=rows,
        ),
        *budget(context),
    )


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
    environments = [record.environment for summary in context.tables.summaries for record in summary.records]
    machines = [each.machine for each in environments]
    packages = [each.versions for each in environments]
    rows: list[tuple[str, str]] = [
        (words.name(f"machine.{key}", key), distinct(context, [found.get(key) for found in machines]))
        for key in dict.fromkeys(key for found in machines for key in found)
    ]
    rows.append((words("machine.threads"), distinct(context, [each.threads for each in environments])))
    rows += [
        (literal(key), distinct(context, [found.get(key) for found in packages]))
        for key in dict.fromkeys(key for found in packages for key in found)
    ]
    commit = distinct(context, [each.git for each in environments])
    changed = f" {words('machine.git_changed')}" if "+" in commit else ""
    rows.append((words("machine.git"), Inline(f"{literal(commit)}{changed}")))
    several = any(each != environments[0] for each in environments)
    return facts(context, rows), *([Note(text=words("run.several"), kind="quiet")] if several else [])


def distinct(context: Context, values: Sequence[object]) -> str:
    """Lists the distinct values."""
    found = dict.fromkeys(
        context.words("value.unknown") if value is None else plain(value) for value in values
    )
    return " / ".join(found) or context.words("value.unknown")


def runs(context: Context) -> tuple[Block, ...]:
    """Tabulates every run, and says what the number of seeds allows to conclude."""
    words = context.words
    titles = ("arm", "seed", "run", "state", "started", "time", "test")
    rows = []
    for entry in context.tables.entries:
        record = entry.record
        result = record.result if record is not None else None
        rows.append(
            (
                code(entry.arm),
                str(entry.seed),
                code(entry.run),
                words(f"runs.states.{entry.state}"),
                "—" if record is None else moment(record.started),
                "—" if result is None else words.duration(result.seconds),
                "—" if result is None else percent(result.test_accuracy),
            )
        )
    n = context.tables.record.study.seeds
    key = "one_seed" if n == 1 else "few_seeds" if n < 5 else "many_seeds"
    table = Table(
        columns=context.columns("runs", titles, right=("seed", "time", "test")),
        rows=tuple(rows),
        arms=tuple(entry.arm for entry in context.tables.entries),
    )
    return table, Paragraph(text=words(f"run.{key}", n=n))


def moment(stamp: str) -> str:
    """Formats an ISO 8601 time stamp as 2025-11-03 18:00."""
    return stamp[:16].replace("T", " ")


def again(context: Context) -> tuple[Block, ...]:
    """Lists the commands that reproduce the report."""
    words, record = context.words, context.tables.record
    typed = context.tables.workspace.typed
    report = typed(f"skipscope report {record.study.name}")
    commands = f"{typed(record.command)}\n{report}  {words('run.again_report')}"
    return Paragraph(text=words("run.again_text")), Code(text=commands)
