"""A plan on the console: shown before its first step, then carried out."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.markup import escape

from skipscope.cli.options import busy, complaints, console, counted, duration, print_table

if TYPE_CHECKING:
    from skipscope.engine.plan import Plan
    from skipscope.records.schema import Budget, RunRecord, StudyRecord
    from skipscope.records.store import Workspace
    from skipscope.training.events import Event

Outcome = Literal["done", "incomplete", "stopped"]
"""`done` if each run has a result and no probe failed, `stopped` after Ctrl-C."""


def show(plan: "Plan") -> None:
    """Prints the plan, before the first step."""
    from rich.table import Table
    from rich.text import Text

    study, data = plan.record.study, plan.record.data
    console.print(
        f"[bold]{study.name}[/]: {counted(len(study.arm), 'network')} x {counted(study.seeds, 'seed')} "
        f"on {data.name}, ",
        end="",
    )
    console.print(
        f"{counted(data.train, 'training image')}, {data.validation:,} for validation, {data.test:,} sealed"
    )
    named = any(arm.label != arm.model for arm in study.arm)
    table = Table(*(["arm", "network"] if named else ["arm"]), box=None, padding=(0, 2))
    for column in ("seed", "epochs", "steps", "estimate"):
        table.add_column(column, justify="right", no_wrap=True)
    for run in plan.runs:
        left = f"about {duration(run.seconds)}" if run.waits else f"{run.state} already"
        left += ", to be measured" if run.missing_probes else ""
        cells = [run.arm, run.spec.model] if named else [run.arm]
        cells += [str(run.spec.seed), str(run.spec.recipe.epochs), f"{run.steps:,}", left]
        table.add_row(*(Text(cell) for cell in cells))
    print_table(table)
    console.print(_backend(plan), markup=False, soft_wrap=True)
    if plan.record.budget:
        console.print(_cut(plan.record, plan.record.budget), markup=False, soft_wrap=True)
    if plan.starts:
        networks = len({start.model for start in plan.starts})
        console.print(
            f"before that, {counted(networks, 'network')} x {counted(study.initial_seeds, 'seed')} "
            f"{'is' if networks == 1 else 'are'} measured untrained"
        )
    if plan.waiting:
        side = f"{plan.jobs} side by side, " if plan.jobs > 1 else ""
        console.print(side + until(plan.seconds))
    else:
        console.print("Every run of this study exists already: nothing to train.")


def until(seconds: float) -> str:
    """How long it takes and when it ends, in local time."""
    from datetime import datetime, timedelta

    end = datetime.now() + timedelta(seconds=seconds)  # noqa: DTZ005
    day = "" if seconds < 86_400 else f"{end:%d %b} "
    return f"about {duration(seconds)} in all, until {day}{end:%H:%M}"


def _backend(plan: "Plan") -> str:
    """How the study is computed, and why so."""
    from skipscope.engine.autotune import MIN_COSINE

    if plan.choice is None:
        return f"computed in {plan.backend}, as this study was begun"
    faster = f"{plan.choice.speedup:.1f} times as fast as torch's own operators in fp32"
    failed = "".join(
        f"\nnot {name}, which failed here: {error}" for name, error in plan.choice.failed.items()
    )
    agree = f"lowest gradient cosine with fp32: {plan.choice.agreement:.2f} (accepted above {MIN_COSINE})"
    return f"computed in {plan.backend}: {faster}, measured here; {agree}{failed}"


def _cut(record: "StudyRecord", before: "Budget") -> str:
    """What of the study fits into its budget."""
    study = record.study
    return (
        f"to fit into {before.asked}: {study.seeds} of {counted(before.seeds, 'seed')}, "
        f"{study.recipe.epochs} of {counted(before.epochs, 'epoch')}, "
        f"{record.data.train:,} of {counted(before.images, 'training image')}"
    )


def say_if_untrained(workspace: "Workspace", name: str | None) -> None:
    """Warns that a study has no result yet: what was written holds its plan alone."""
    study = workspace.study(name)
    runs = (workspace.run_folder(member.run).read() for member in study.members)
    if not any(run is not None and run.state == "done" for run in runs):
        complaints.print(
            f"No run of {study.study.name} is finished yet: this holds its plan and no result. "
            f"To train it: {workspace.typed(study.command)}",
            markup=False,
            soft_wrap=True,
        )


def carry_out(
    plan: "Plan", workspace: "Workspace", data_dir: Path | None, *, again: str | None = None
) -> Outcome:
    """Trains, reports, says what to do next; `again` is the command to resume with, if not the plan's own."""
    from skipscope.cli.progress import display
    from skipscope.engine.at_init import measure_starts
    from skipscope.engine.local import execute
    from skipscope.records.lock import held
    from skipscope.report import build_report

    stopped = warned = False

    def interrupted() -> None:
        nonlocal stopped
        stopped = True
        shown.say(
            "Stopping: the runs save what they have (Ctrl-C again: stop now, back to the last checkpoint)"
        )

    def on_event(event: "Event") -> None:
        nonlocal warned
        warned |= event.state == "warned"
        shown.on_event(event)

    def warn(said: str) -> None:
        nonlocal warned
        warned = True
        console.print(said, markup=False, soft_wrap=True)

    with held(workspace.path, doing=plan.record.command):
        if plan.record.study.initial_seeds:
            with console.status("Measuring networks before their first step") as status:
                measure_starts(
                    plan.record,
                    workspace,
                    jobs=plan.jobs,
                    data_dir=data_dir,
                    on_event=lambda said: status.update(
                        f"Measuring networks before their first step: {said}"
                    ),
                    warn=warn,
                )
        with display(plan, console) as shown:
            records = execute(plan, workspace, on_event=on_event, interrupted=interrupted, data_dir=data_dir)
    unfinished = len(plan.runs) - sum(record.state != "unfinished" for record in records)
    if unfinished:
        command = workspace.typed(again or plan.record.command)
        one = unfinished == 1
        console.print(
            f"{counted(unfinished, 'run')} {'is' if one else 'are'} not finished. "
            f"The same command goes on with {'it' if one else 'them'}:"
        )
        console.print(f"  {command}", markup=False, soft_wrap=True)
    if any(record.state == "done" for record in records):
        with busy("Writing the report"):
            page = build_report(workspace, plan.record.study.name)[0]
        console.print(f"The report, a page to open in a browser: [bold]{escape(str(page))}", soft_wrap=True)
    failed = [record for record in records if record.state == "failed"]
    _tell_failures(failed)
    if stopped:
        return "stopped"
    return "incomplete" if failed or unfinished or warned else "done"


def _tell_failures(failed: "list[RunRecord]") -> None:
    from rich.text import Text

    for record in failed:
        reason = record.failure.message if record.failure else ""
        console.print(Text(f"{record.id} failed. {reason}", style="red"))
