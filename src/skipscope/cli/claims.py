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
from skipscope.language import language, spoken

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
    "too_inaccurate": "an arm learnt too little for the quantity to mean anything; longer training may help",
    "loss_too_high": "the training loss that all arms reach is too high; longer training may help",
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
    _print_outlook(results)
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

    names = {claim.id: claim.wording(language()).name for claim in catalogue().values()}
    titles = map(spoken, ("", "claim", "verdict", r"effect \[interval]", "n"))
    table = Table(*titles, box=None, padding=(0, 1, 0, 0))
    table.columns[-1].justify = "right"
    for column in table.columns:
        column.overflow = "fold"  # nothing is cut off
    for result in results:
        verdict = VERDICTS.get(result.verdict, result.verdict)
        cells = map(Text, (result.id, names[result.id], spoken(verdict), *_effect(result.leading)))
        table.add_row(*cells, style=STYLES[result.verdict])
    console.print(table)
    say(
        "Intervals are of 95 %, or wider where Holm's correction for the group's other claims asks for it; "
        "with too few seeds a claim is inconclusive wherever its interval lies. --json has both intervals."
    )


def _effect(finding: "Finding | None") -> tuple[str, str]:
    """Formats estimate, interval and unit, and the number of pairs."""
    from skipscope.claims.ratios import told_as_ratio

    effect = None if finding is None else told_as_ratio(finding).effect
    if finding is None or effect is None:
        return "-", "-"
    unit = spoken(effect.unit)
    if finding.exact:
        return spoken(f"{effect.estimate:.3g} {unit}, exactly"), "-"
    ends = effect.interval
    interval = "[?]" if ends is None else f"[{ends[0]:.3g}, {ends[1]:.3g}]"
    estimate = f"{effect.estimate:.3g}" if effect.ratio else f"{effect.estimate:+.3g}"
    moment = "" if finding.at_loss is None else spoken(f", at training loss {finding.at_loss:g}")
    return f"{estimate} {interval} {unit}{moment}", str(effect.n)


def _print_outlook(results: "tuple[ClaimResult, ...]") -> None:
    """Prints of each inconclusive claim its power, and the seeds and minutes that would settle it."""
    told = [(result.id, said) for result in results if (said := _outlook(result))]
    if told:
        console.print(
            "\nInconclusive; the power is that of finding twice the smallest effect worth having, at the "
            "spread of these runs:"
        )
    for id, said in told:
        say(f"  {id}: {spoken(said)}")


def _outlook(result: "ClaimResult") -> str:
    if result.verdict != "inconclusive" or result.power is None or result.lacks_more_than_seeds:
        return ""
    power, seeds = f"power {result.power:.0%}", result.seeds
    if seeds is None:
        return f"{power}; more seeds would hardly settle it, as the effect seems to lie at its limit"
    time = ""
    if result.minutes is not None:
        least, most = result.minutes
        time = f" ({_range(least, most)} min of training on the machine of these runs)"
    many = f"{_range(seeds.least, seeds.most)} more seeds"
    return f"{power}; {many} would settle it if the effect is what it seems{time}"


def _range(least: float, most: float | None) -> str:
    """Formats whole numbers: 7, 3 to 40, or at least 12."""
    if most is None:
        return f"at least {least:.0f}"
    return f"{least:.0f}" if round(least) == round(most) else f"{least:.0f} to {most:.0f}"


def _print_next(results: "tuple[ClaimResult, ...]", command: str, workspace: "Workspace") -> None:
    """Prints what would settle open claims; the first of several similar commands."""
    from skipscope.claims.evaluate import lost, next_steps

    steps = next_steps(results, command)
    if steps:
        console.print("\nCommands that would settle more:")
    for hint, ids in steps.items():
        first, *others = hint.split("; ")
        more = spoken(f" (and so for {len(others)} more: --json names them)") if others else ""
        say(f"  {', '.join(ids)}: {workspace.typed(first)}{more}")
    if gone := lost(results):
        console.print("\nWhat more seeds would not settle:")
    for why, ids in gone.items():
        say(f"  {', '.join(ids)}: {spoken(LOST[why])}")
