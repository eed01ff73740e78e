"""`skipscope run all`: the shipped studies that fit into a budget, one after the other."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from skipscope.api.cluster import Where, executing, typed, warn_of_another_kind, workers
from skipscope.api.wording import duration, flags
from skipscope.cli.cluster import opened
from skipscope.cli.options import Overrides, console, print_table, say, table_of
from skipscope.cli.plans import carry_out, show
from skipscope.language import spoken

if TYPE_CHECKING:
    from skipscope.engine.cluster.execute import Cluster
    from skipscope.engine.plan import Plan
    from skipscope.engine.schedule import Schedule, ScheduledStudy, Survey
    from skipscope.records.store import Workspace
    from skipscope.spec import StudySpec


def run_all(
    said: Overrides,
    workspace: "Workspace",
    where: Where,
    *,
    data_dir: Path | None,
    jobs: int | None,
    budget: str | None,
    dry_run: bool,
) -> None:
    """Prints its choice and trains it; the others go on if a study fails, and Ctrl-C ends all.

    Raises:
        UsageError: there is no budget (says how long everything would take), it is not a length of time, or
            nothing fits into it; or as `cluster.opened` says.
        MachineError: there is no cluster, or none that can train.
    """
    from skipscope.engine.fit_budget import seconds_of

    if budget is not None:
        seconds_of(budget)  # a typing error is reported at once, not after the measuring
    with opened(where) as cluster:
        _run_on(cluster, said, workspace, where, data_dir=data_dir, jobs=jobs, budget=budget, dry_run=dry_run)


def _run_on(
    cluster: "Cluster | None",
    said: Overrides,
    workspace: "Workspace",
    where: Where,
    *,
    data_dir: Path | None,
    jobs: int | None,
    budget: str | None,
    dry_run: bool,
) -> None:
    """Does it on a cluster, or here."""
    from skipscope.engine.schedule import compose, planned, survey

    how: dict[str, Any] = {"data_dir": data_dir, "jobs": jobs, "elsewhere": workers(cluster)}
    with console.status("Planning: a few timed steps of the networks of all studies"):
        found = survey(_studies(said), workspace, **how)
    if budget is None:
        raise _asks_for_a_budget(found)
    schedule = compose(found, budget)

    def plan_of(part: "ScheduledStudy") -> "Plan":
        return planned(part, schedule, workspace, command=_command(part, said, where), **how)

    cut = [plan_of(part) for part in schedule.parts if part.within]  # refused at once, if nothing of it fits
    _show(schedule)
    again = shlex.join(["skipscope", "run", "all", *flags(said | {"budget": budget}), *typed(where)])
    outcomes = []
    for part in schedule.parts:
        if dry_run and not part.within:
            continue
        console.print()
        plan = cut.pop() if part.within else plan_of(part)
        show(plan)
        warn_of_another_kind(cluster, plan, say)
        if not dry_run:
            execute = executing(cluster, where)
            outcomes.append(carry_out(plan, workspace, data_dir, again=again, execute=execute))
        if "stopped" in outcomes:
            break
    if set(outcomes) - {"done"}:
        raise typer.Exit(1)


def _studies(said: Overrides) -> "list[StudySpec]":
    """Loads the shipped studies but those on the embedded images, which say nothing about CIFAR-10."""
    from skipscope.engine.adapt import adapt
    from skipscope.spec import load_study, shipped_studies

    shipped = map(load_study, shipped_studies())
    # a study of rates alone chooses a recipe: it answers no claim
    answering = (study for study in shipped if len(study.at_other_rates) < len(study.arm))
    return [adapt(study, **said) for study in answering if study.data != "shapes"]


def _command(part: "ScheduledStudy", said: Overrides, where: Where) -> str:
    """Writes the command that trains this study alone."""
    alone = said if part.within else said | {"seeds": part.seeds}
    words = [*flags(alone | {"budget": part.within}), *typed(where)]
    return shlex.join(["skipscope", "run", part.name, *words])


def _asks_for_a_budget(found: "Survey") -> Exception:
    from skipscope.errors import UsageError

    each = ", ".join(f"{part.name} {duration(part.seconds)}" for part in found.parts)
    whole = duration(sum(part.seconds for part in found.parts))
    return UsageError(
        f"All studies would take about {whole} here ({each}; runs that two share are counted once).",
        hint="say how long it may take: skipscope run all --budget 60m",
    )


def _show(schedule: "Schedule") -> None:
    """Prints which studies are trained, in which order, and which are left out."""
    from skipscope.api.plans import until

    table = table_of("study", numbers=("seeds", "runs", "of them new", "estimate"), indent=2)
    for part in schedule.parts:
        study = part.whole.record.study
        if part.within:
            table.add_row(part.name, "", "", "", spoken(f"cut to fit into {part.within}"))
        else:
            seeds = spoken(f"{part.seeds} of {study.seeds}")
            runs = f"{sum(min(part.seeds, study.seeds_of(arm)) for arm in study.arm)}"
            table.add_row(part.name, seeds, runs, f"{part.new}", spoken(f"about {duration(part.seconds)}"))
    console.print(f"[bold]all[/], within {schedule.budget}, in this order:")
    print_table(table)
    for part in schedule.left_out:
        declared = part.whole.record.study.seeds
        say(f"left out: {part.name}, about {duration(part.seconds)} for one seed of {declared}")
    console.print(until(schedule.seconds))
