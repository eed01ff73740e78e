"""`skipscope run` and `skipscope demo`: train a study, then write its report."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from skipscope.cli.options import PLACE, DataDir, DataSet, Place, console

if TYPE_CHECKING:
    from skipscope.engine.plan import Plan
    from skipscope.records.schema import Budget, RunRecord, StudyRecord
    from skipscope.records.store import Workspace

Data = Annotated[
    DataSet | None, typer.Option(help="Train on another data set than the study's.", show_default=False)
]
Epochs = Annotated[int | None, typer.Option(min=1, help="Epochs of every arm.", show_default=False)]
Seeds = Annotated[int | None, typer.Option(min=1, help="Runs per arm.", show_default=False)]
Limit = Annotated[int | None, typer.Option(min=10, help="Train on this many images.", show_default=False)]
Jobs = Annotated[
    int | None, typer.Option(min=1, help="Runs side by side; default: one a core.", show_default=False)
]
BudgetOption = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="Cut the study down to what fits into 20m, 1h30m: fewer seeds, then epochs, then images.",
        show_default=False,
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan and stop.")]


def run(
    study: Annotated[str, typer.Argument(help="A shipped study (demo, lab) or the path of a TOML file.")],
    data: Data = None,
    data_dir: DataDir = None,
    epochs: Epochs = None,
    seeds: Seeds = None,
    train_limit: Limit = None,
    jobs: Jobs = None,
    budget: BudgetOption = None,
    workspace: Place = PLACE,
    dry_run: DryRun = False,
) -> None:
    """Train what of a study is not trained yet, then write its report. Goes on where it stopped."""
    from skipscope.engine.adapt import adapt
    from skipscope.engine.plan import plan
    from skipscope.records.store import Workspace
    from skipscope.spec import load_study

    choices = {
        "--data": data,
        "--epochs": epochs,
        "--seeds": seeds,
        "--train-limit": train_limit,
        "--budget": budget,
    }
    said = [word for key, value in choices.items() if value is not None for word in (key, str(value))]
    spec = adapt(
        load_study(study),
        data=None if data is None else data.value,
        epochs=epochs,
        seeds=seeds,
        train_limit=train_limit,
    )
    place = Workspace(workspace)
    command = shlex.join(["skipscope", "run", study, *said])
    with console.status("Planning: a few timed steps of each network"):
        planned = plan(spec, place, command=command, data_dir=data_dir, jobs=jobs, budget=budget)
    _show(planned)
    if not dry_run:
        _carry_out(planned, place, data_dir)


def demo(
    data: Data = DataSet.SHAPES,
    data_dir: DataDir = None,
    epochs: Epochs = None,
    seeds: Seeds = None,
    train_limit: Limit = None,
    jobs: Jobs = None,
    budget: BudgetOption = None,
    workspace: Place = PLACE,
    dry_run: DryRun = False,
) -> None:
    """The whole job on the embedded data set: train, report. No network needed."""
    run("demo", data, data_dir, epochs, seeds, train_limit, jobs, budget, workspace, dry_run)


def _show(plan: "Plan") -> None:
    """The plan, before the first step."""
    from datetime import datetime, timedelta

    from rich.table import Table
    from rich.text import Text

    from skipscope.cli.progress import span

    study, data = plan.record.study, plan.record.data
    console.print(
        f"[bold]{study.name}[/]: {len(study.arm)} networks x {study.seeds} seed(s) on {data.name}, ", end=""
    )
    console.print(f"{data.train:,} training images, {data.validation:,} for validation, {data.test:,} sealed")
    named = any(arm.label != arm.model for arm in study.arm)
    table = Table(*(["arm", "network"] if named else ["arm"]), box=None, padding=(0, 2))
    for column in ("seed", "epochs", "steps", "estimate"):
        table.add_column(column, justify="right", no_wrap=True)
    for run in plan.runs:
        left = f"about {span(run.seconds)}" if run.waits else f"{run.state} already"
        cells = [run.arm, run.spec.model] if named else [run.arm]
        cells += [str(run.spec.seed), str(run.spec.recipe.epochs), f"{run.steps:,}", left]
        table.add_row(*(Text(cell) for cell in cells))
    console.print(table)
    console.print(_way(plan), markup=False, soft_wrap=True)
    if plan.record.budget:
        console.print(_cut(plan.record, plan.record.budget), markup=False, soft_wrap=True)
    if plan.waiting:
        until = datetime.now() + timedelta(seconds=plan.seconds)  # noqa: DTZ005 - the clock on the user's wall
        side = f"{plan.jobs} side by side, " if plan.jobs > 1 else ""
        console.print(f"{side}about {span(plan.seconds)} in all, until {until:%H:%M}")
    else:
        console.print("Every run of it exists already: nothing to train.")


def _way(plan: "Plan") -> str:
    """How it is computed, and why."""
    if plan.choice is None:
        return f"computed in {plan.way}, as this study was begun"
    faster = f"{plan.choice.speedup:.1f} times as fast as torch's own operators in fp32"
    return f"computed in {plan.way}: measured here, {faster}, gradients agree to {plan.choice.agreement:.3f}"


def _cut(record: "StudyRecord", before: "Budget") -> str:
    """What a budget left of the study."""
    study = record.study
    return (
        f"to fit into {before.asked}: {study.seeds} of {before.seeds} seed(s), "
        f"{study.recipe.epochs} of {before.epochs} epochs, "
        f"{record.data.train:,} of {before.images:,} training images"
    )


def _carry_out(plan: "Plan", workspace: "Workspace", data_dir: Path | None) -> None:
    """Trains, reports, says what to do next; exit code 1 if a run is missing at the end."""
    from skipscope.cli.progress import display
    from skipscope.engine.local import execute
    from skipscope.engine.start import measure_starts
    from skipscope.report import build_report

    def interrupted() -> None:
        shown.say(
            "Stopping: the runs save what they have (Ctrl-C again: stop now, back to the last checkpoint)"
        )

    if plan.record.study.initial_seeds:
        with console.status("Measuring networks before their first step") as status:
            measure_starts(
                plan.record,
                workspace,
                jobs=plan.jobs,
                data_dir=data_dir,
                tell=lambda said: status.update(f"Measuring networks before their first step: {said}"),
            )
    with display(plan, console) as shown:
        records = execute(plan, workspace, tell=shown.tell, interrupted=interrupted, data_dir=data_dir)
    unfinished = len(plan.runs) - sum(record.state != "unfinished" for record in records)
    if unfinished:
        command = plan.record.command
        if workspace.path != PLACE:
            command += f" -w {shlex.quote(str(workspace.path))}"
        console.print(f"{unfinished} run(s) are not finished. The same command goes on with them:")
        console.print(f"  {command}", markup=False, soft_wrap=True)
    if any(record.state == "done" for record in records):
        page = build_report(workspace, plan.record.study.name)[0]
        console.print(f"The report, a page to open in a browser: [bold]{escape(str(page))}", soft_wrap=True)
    failed = [record for record in records if record.state == "failed"]
    _tell_failures(failed)
    if failed or unfinished:
        raise typer.Exit(1)


def _tell_failures(failed: "list[RunRecord]") -> None:
    from rich.text import Text

    for record in failed:
        reason = record.failure.message if record.failure else ""
        console.print(Text(f"{record.id} failed. {reason}", style="red"))
