"""Shows a plan on the console before its first step, then carries it out."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.markup import escape
from rich.text import Text

from skipscope.api.wording import counted, duration
from skipscope.cli.first_report import FirstReport
from skipscope.cli.options import busy, complaints, console, print_table, say, table_of
from skipscope.language import spoken

if TYPE_CHECKING:
    from rich.table import Table

    from skipscope.engine.plan import Plan
    from skipscope.records.store import Workspace
    from skipscope.training.events import Event

MOST_ROWS = 60
"""Runs of a plan that are listed one by one; of more, an arm's runs share a row."""
Outcome = Literal["done", "incomplete", "stopped"]
"""`done` if each run has a result and no probe failed, `stopped` after Ctrl-C."""


def show(plan: "Plan") -> None:
    """Prints the plan, before the first step."""
    from skipscope.api.plans import own_run, summary

    study, data = plan.record.study, plan.record.data
    size = f"{counted(len(study.arm), 'network')} x {counted(study.seeds, 'seed')}"
    console.print(
        f"[bold]{study.name}[/]: {size} on {data.spoken}, {counted(data.train, 'training image')}, "
        f"{data.validation:,} for validation, {data.test:,} sealed"
    )
    if len(plan.runs) > MOST_ROWS:
        print_table(_by_arm(plan))
    else:
        print_table(_by_run(plan))
    for line in (*summary(plan), *own_run(study)):
        say(line)


def _by_run(plan: "Plan") -> "Table":
    """Tabulates every run."""
    study = plan.record.study
    named = any(arm.label != arm.model for arm in study.arm)
    titles = ["arm", "network"] if named else ["arm"]
    table = table_of(*titles, numbers=("seed", "epochs", "steps", "estimate"), indent=2)
    for run in plan.runs:
        left = f"about {duration(run.seconds)}" if run.waits else f"{run.state} already"
        left = f"{left}, to be measured" if run.waits and not run.trains else left
        cells = [run.arm, run.spec.model] if named else [run.arm]
        cells += [str(run.spec.seed), str(run.spec.recipe.epochs), f"{run.steps:,}", spoken(left)]
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _by_arm(plan: "Plan") -> "Table":
    """Tabulates each arm's runs together: seconds are of one core, for what is left of them."""
    study, data = plan.record.study, plan.record.data
    table = table_of(
        "arm", "network", numbers=("seeds", "images", "epochs", "left", "core-seconds"), indent=2
    )
    total = 0.0
    for arm in study.arm:
        runs = [run for run in plan.runs if run.arm == arm.label]
        seconds = sum(run.seconds for run in runs if run.waits)
        total += seconds
        left, epochs = sum(run.waits for run in runs), study.recipe_of(arm).epochs
        counts = (len(runs), data.train, epochs, left, round(seconds))
        table.add_row(*(Text(cell) for cell in (arm.label, arm.model, *(f"{each:,}" for each in counts))))
    starts = sum(start.seconds for start in plan.starts)
    table.add_section()
    if plan.starts:
        networks = counted(len({start.model for start in plan.starts}), "network")
        cells = (spoken("starts"), spoken(networks), f"{study.initial_seeds}", "", "", f"{len(plan.starts)}")
        table.add_row(*(Text(cell) for cell in (*cells, f"{round(starts):,}")))
    table.add_row(spoken("sum"), "", "", "", "", "", f"{round(total + starts):,}")
    return table


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
    plan: "Plan",
    workspace: "Workspace",
    data_dir: Path | None,
    *,
    again: str | None = None,
    execute: Any = None,
) -> Outcome:
    """Trains, measures, reports, says what to do next; `again` resumes, if that is not the plan's command."""
    from skipscope.api.progress import display, now_and_then
    from skipscope.engine import local
    from skipscope.engine.at_init import measure_starts
    from skipscope.records.lock import held
    from skipscope.report import build_report

    happened: set[str] = set()
    first = FirstReport(workspace.path, plan.record.study.name)

    def interrupted() -> None:
        happened.add("interrupted")
        shown.say(
            "Stopping: the runs save what they have (Ctrl-C again: stop now, back to the last checkpoint)"
        )

    def on_event(event: "Event") -> None:
        happened.add(event.state)
        shown.on_event(event)

    def warn(said: str) -> None:
        happened.add("warned")
        say(said)

    with held(workspace.path, doing=plan.record.command):
        if plan.record.study.initial_seeds:
            what = "Measuring networks before their first step"
            with console.status(what) as status:
                # a terminal shows how far it is, and a file or pipe is written to now and then
                show_start = status.update if console.is_terminal else now_and_then(say)
                measure_starts(
                    plan.record,
                    workspace,
                    jobs=min(plan.jobs, plan.cores) if execute else plan.jobs,
                    data_dir=data_dir,
                    on_event=lambda said: show_start(f"{spoken(what)}: {spoken(said)}"),
                    warn=warn,
                )
        with display(plan, console) as shown:
            records = (execute or local.execute)(
                plan,
                workspace,
                on_event=on_event,
                interrupted=interrupted,
                trained=lambda seconds: first.begin(seconds, say=shown.say),
                data_dir=data_dir,
            )
        first.end(at_once="interrupted" in happened)
    unfinished = len(plan.runs) - sum(record.state != "unfinished" for record in records)
    if unfinished or "interrupted" in happened:
        left = f"{counted(unfinished, 'run')} {'is' if unfinished == 1 else 'are'} not finished."
        console.print(f"{left if unfinished else 'Not all is measured.'} The same command goes on:")
        say(f"  {workspace.typed(again or plan.record.command)}")
    if "interrupted" not in happened and any(record.state == "done" for record in records):
        with busy("Writing the report"):
            page = build_report(workspace, plan.record.study.name)[0]
        console.print(f"The report, a page to open in a browser: [bold]{escape(str(page))}", soft_wrap=True)
    failed = [record for record in records if record.state == "failed"]
    for record in failed:
        why = record.failure.message if record.failure else ""
        say(f"{spoken(f'{record.id} failed.')} {spoken(why)}", "red")
    if "interrupted" in happened:
        return "stopped"
    return "incomplete" if failed or unfinished or "warned" in happened else "done"
