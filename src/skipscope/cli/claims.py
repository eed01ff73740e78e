"""`skipscope claims`: the verdict on each claim."""

from typing import TYPE_CHECKING

from skipscope.cli.options import (
    DEFAULT_WORKSPACE,
    Json,
    StudyArgument,
    WorkspaceOption,
    console,
    print_json,
    say,
)

if TYPE_CHECKING:
    from skipscope.claims.model import ClaimResult, Finding
    from skipscope.records.store import Workspace

STYLES = {
    "supported": "green",
    "contradicted": "red",
    "inconclusive": "yellow",
    "confounded": "magenta",
    "not_measured": "dim",
}
VERDICTS = {"confounded": "withheld", "not_measured": "not measured"}
LOST = {
    "diverged": "runs of every seed diverged; a lower learning_rate, longer warmup_epochs or a clip_norm in "
    "the study's recipe may help",
    "no_number": "no seed has a value: the quantity vanished, was not finite, or lies outside the range that "
    "the networks cover; another recipe, depth or size may help",
}


def claims(
    study: StudyArgument = None, workspace: WorkspaceOption = DEFAULT_WORKSPACE, json: Json = False
) -> None:
    """List every claim with its verdict, effect and interval.

    What would settle the open ones follows.
    """
    from skipscope.analysis.tables import gather
    from skipscope.claims.evaluate import document, evaluate
    from skipscope.records.store import Workspace

    tables = gather(Workspace(workspace), study)
    results = evaluate(tables)
    if json:
        print_json(document(tables.record.study.name, results))
        return
    console.print(f"[bold]{tables.record.study.name}[/] on {tables.record.data.spoken}")
    _print(results)
    if tables.record.data.name == "shapes":
        say(
            "These verdicts hold for the embedded data set only: they show that the instruments work, and "
            "nothing about CIFAR-10."
        )
    _print_next(results, tables.record.command, tables.workspace)


def _print(results: "tuple[ClaimResult, ...]") -> None:
    from rich.table import Table
    from rich.text import Text

    from skipscope.claims.catalogue import catalogue

    names = {claim.id: claim.en.name for claim in catalogue().values()}
    table = Table("", "claim", "verdict", "effect [95 %]", "n", box=None, padding=(0, 1, 0, 0))
    table.columns[-1].justify = "right"
    for column in table.columns:
        column.overflow = "fold"  # nothing is cut off
    for result in results:
        verdict = VERDICTS.get(result.verdict, result.verdict)
        cells = map(Text, (result.id, names[result.id], verdict, *_effect(result.leading)))
        table.add_row(*cells, style=STYLES[result.verdict])
    console.print(table)


def _effect(finding: "Finding | None") -> tuple[str, str]:
    """Formats estimate, interval and unit, and the number of pairs."""
    if finding is None or finding.effect is None:
        return "-", "-"
    effect = finding.effect
    if finding.exact:
        return f"{effect.estimate:.3g} {effect.unit}, exactly", "-"
    interval = (
        "[?]" if effect.low is None or effect.high is None else f"[{effect.low:.3g}, {effect.high:.3g}]"
    )
    return f"{effect.estimate:+.3g} {interval} {effect.unit}", str(effect.n)


def _print_next(results: "tuple[ClaimResult, ...]", command: str, workspace: "Workspace") -> None:
    """Prints what would settle open claims; the first of several similar commands."""
    from skipscope.claims.evaluate import lost, next_steps

    steps = next_steps(results, command)
    if steps:
        console.print("\nCommands that would settle more:")
    for hint, ids in steps.items():
        first, *others = hint.split("; ")
        more = f" (and so for {len(others)} more: --json names them)" if others else ""
        say(f"  {', '.join(ids)}: {workspace.typed(first)}{more}")
    if gone := lost(results):
        console.print("\nWhat more seeds would not settle:")
    for why, ids in gone.items():
        say(f"  {', '.join(ids)}: {LOST[why]}")
