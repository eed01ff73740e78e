"""`skipscope run` and `skipscope demo`: train a study, then write its report."""

import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from skipscope.api.cluster import Where
from skipscope.cli.cluster import Address, AnyKind, ExecutorOption
from skipscope.cli.live import Live, page_beside
from skipscope.cli.options import DEFAULT_WORKSPACE, DataDir, Jobs, Overrides, WorkspaceOption, console, say
from skipscope.language import language, spoken

if TYPE_CHECKING:
    from skipscope.engine.plan import Plan
    from skipscope.records.store import Workspace
    from skipscope.spec import StudySpec

Data = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Replace the study's data set: cifar10, shapes, or one you imported.",
        show_default=False,
    ),
]
Epochs = Annotated[int | None, typer.Option(min=1, help="Epochs for every arm.", show_default=False)]
Seeds = Annotated[int | None, typer.Option(min=1, help="Runs per arm.", show_default=False)]
Limit = Annotated[int | None, typer.Option(min=10, help="Train on this many images.", show_default=False)]
BudgetOption = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="Cut the study to fit into 20m, 1h30m, ...: fewer seeds, then epochs, then images.",
        show_default=False,
    ),
]
Specs = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Write a file for each run that is left, for skipscope work, and stop.",
        show_default=False,
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan and stop.")]


class RunCommand(TyperCommand):
    """Lists the shipped studies in its help."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - click's own signature
        """Writes a line for each study, read without `spec`, which takes long to import."""
        import tomllib

        folder = Path(__file__).parents[1] / "studies"
        studies = [(path.stem, tomllib.loads(path.read_text("utf-8"))) for path in folder.glob("*.toml")]
        with formatter.section(spoken("Studies")):
            formatter.write_dl([(name, table["title"][language()]) for name, table in sorted(studies)])


def run(
    study: Annotated[
        str,
        typer.Argument(
            help="A study listed below, the path of a TOML file, or all: those that fit into --budget."
        ),
    ],
    data: Data = None,
    data_dir: DataDir = None,
    epochs: Epochs = None,
    seeds: Seeds = None,
    train_limit: Limit = None,
    jobs: Jobs = None,
    budget: BudgetOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    dry_run: DryRun = False,
    live: Live = False,
    specs: Specs = None,
    executor: ExecutorOption = None,
    address: Address = None,
    any_kind: AnyKind = False,
) -> None:
    """Train a study and write its report; resumes where it stopped."""
    from skipscope.engine.adapt import adapt
    from skipscope.engine.resolve import unknown_names
    from skipscope.records.lock import refuse_if_held
    from skipscope.records.store import Workspace
    from skipscope.spec import load_study

    said = Overrides(data=data, epochs=epochs, seeds=seeds, train_limit=train_limit)
    where = Where(executor=executor, address=address, any_kind=any_kind)
    store = Workspace(workspace)
    if not dry_run:
        refuse_if_held(store.path)  # before anything is timed
    with page_beside(store, study, data_dir, wanted=live and not dry_run):
        if study == "all":
            from skipscope.cli.everything import run_all

            run_all(said, store, where, data_dir=data_dir, jobs=jobs, budget=budget, dry_run=dry_run)
            return
        unknown = partial(unknown_names, data_dir=data_dir, instead=data)
        spec = adapt(load_study(study, unknown=unknown), **said)
        _run_one(
            study,
            spec,
            said,
            store,
            where,
            data_dir=data_dir,
            jobs=jobs,
            budget=budget,
            dry_run=dry_run,
            specs=specs,
        )


def _run_one(
    study: str,
    spec: "StudySpec",
    said: Overrides,
    store: "Workspace",
    where: Where,
    *,
    data_dir: Path | None,
    jobs: int | None,
    budget: str | None,
    dry_run: bool,
    specs: Path | None = None,
) -> None:
    """Plans one study, shows the plan and carries it out."""
    from skipscope.api.cluster import executing, typed, warn_of_another_kind, workers
    from skipscope.api.wording import flags
    from skipscope.cli.cluster import opened
    from skipscope.cli.plans import carry_out, show
    from skipscope.engine.plan import plan
    from skipscope.errors import UnknownName

    asked = [*flags(said | {"budget": budget}), *typed(where)]
    planning = partial(plan, command=shlex.join(["skipscope", "run", study, *asked]), jobs=jobs)
    with opened(where) as cluster:
        try:
            with console.status("Planning: a few timed steps of each network"):
                planned = planning(spec, store, data_dir=data_dir, budget=budget, elsewhere=workers(cluster))
        except UnknownName as error:
            error.where = ", ".join(filter(None, (study, error.where)))
            raise
        show(planned)
        warn_of_another_kind(cluster, planned, say)
        if specs is not None:
            _write_specs(planned, store, specs)
        elif not dry_run:
            execute = executing(cluster, where)
            if carry_out(planned, store, data_dir, execute=execute) != "done":
                raise typer.Exit(1)


def _write_specs(planned: "Plan", store: "Workspace", folder: Path) -> None:
    """Writes the runs that are left, and the study's record: the study goes on as it is planned here."""
    from skipscope.api.wording import counted
    from skipscope.engine.order import write_orders

    written = [*write_orders(planned, folder)]
    store.write_study(planned.record)
    say(f"{counted(len(written), 'run')} written to {folder}. For each of them, on any machine:")
    say(f"  skipscope work {folder}/RUN.json --into {store.given}")
    say("Then the same command without --specs measures them and writes the report.")


def demo(
    data: Data = "shapes",
    data_dir: DataDir = None,
    epochs: Epochs = None,
    seeds: Seeds = None,
    train_limit: Limit = None,
    jobs: Jobs = None,
    budget: BudgetOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    dry_run: DryRun = False,
    live: Live = False,
) -> None:
    """Train and report on the embedded data set; works offline."""
    run("demo", data, data_dir, epochs, seeds, train_limit, jobs, budget, workspace, dry_run, live)
