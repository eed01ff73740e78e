"""Print the learning rate that validation chooses for each network of the study `rates`.

    skipscope run rates
    python tools/rates.py

It also prints the arms at these rates and their comparison, to be added to a copy of the study `depth` (claim
S3: is one rate for all the cause?). The choice is a pure function of the runs' records: the best validation
accuracy after the last epoch, of equal ones the lower rate. The sealed test set has no part in it.
"""

import argparse
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import fmean

from skipscope.errors import SkipscopeError, UsageError
from skipscope.records.schema import RunRecord
from skipscope.records.store import USUAL, Workspace

Accuracies = Mapping[str, Mapping[float, float]]
"""Mean validation accuracy over the seeds, by network and learning rate."""


def accuracies(runs: Iterable[RunRecord]) -> Accuracies:
    """Collects finished runs; a rate at which a run diverged counts as an accuracy of 0.

    Raises:
        UsageError: a run is not finished: its rate could be the best.
    """
    found: dict[str, dict[float, list[float]]] = {}
    for run in runs:
        diverged = run.failure is not None and run.failure.kind == "diverged"
        if run.result is None and not diverged:
            raise UsageError(f"The run {run.id} is not finished.", hint="skipscope run rates")
        accuracy = 0.0 if run.result is None else run.result.val_accuracy
        found.setdefault(run.spec.model, {}).setdefault(run.spec.recipe.learning_rate, []).append(accuracy)
    return {model: {rate: fmean(each) for rate, each in rates.items()} for model, rates in found.items()}


def chosen(found: Accuracies) -> dict[str, float]:
    """Returns the rate with the best accuracy for each network; of equal ones the lower."""
    return {
        model: max(sorted(rates), key=lambda rate, rates=rates: rates[rate])  # type: ignore[misc]
        for model, rates in found.items()
    }


def table(found: Accuracies) -> str:
    """Tabulates accuracies in Markdown, the chosen ones in bold; says which lie at the end of the range."""
    rates, best = sorted({rate for each in found.values() for rate in each}), chosen(found)
    lines = [
        "| network | " + " | ".join(f"{rate:g}" for rate in rates) + " |",
        "|---|" + "---:|" * len(rates),
    ]
    for model, each in found.items():
        cells = [f"{each[rate]:.1%}" if rate in each else "" for rate in rates]
        marked = [
            f"**{cell}**" if rate == best[model] else cell for rate, cell in zip(rates, cells, strict=True)
        ]
        lines.append(f"| `{model}` | " + " | ".join(marked) + " |")
    ends = [f"`{model}`" for model, rate in best.items() if rate in (rates[0], rates[-1])]
    said = f"\nAt an end of the range, beyond which the best may lie: {', '.join(ends)}." if ends else ""
    return "\n".join(lines) + said


def arms(best: Mapping[str, float]) -> str:
    """Writes the tuned arms, and their comparison where a residual network has its plain one, in TOML."""
    lines: list[str] = []
    for model, rate in best.items():
        lines += [
            "[[arm]]",
            f'model = "{model}"',
            f'name = "{model}_tuned"',
            f"recipe.learning_rate = {rate:g}",
        ]
    depths = sorted(
        int(number[1])
        for model in best
        if (number := re.fullmatch(r"resnet(\d+)", model)) and f"plain{number[1]}" in best
    )
    sides = {"treated": "resnet", "control": "plain"}
    if depths:
        lines += ["[[comparison]]"]
        for side, kind in sides.items():
            listed = ", ".join(f'"{kind}{depth}_tuned"' for depth in depths)
            lines.append(f"{side} = [{listed}]")
        lines += ['factor = "shortcut"', "tuned = true"]
    return "\n".join(lines)


def main() -> None:
    """Reads the study's runs and prints the table and the arms."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("study", nargs="?", default="rates", help="a study of networks at several rates")
    parser.add_argument("-w", "--workspace", type=Path, default=USUAL)
    said = parser.parse_args()
    workspace = Workspace(said.workspace)
    try:
        members = dict.fromkeys(member.run for member in workspace.study(said.study).members)
        found = accuracies(workspace.run(run) for run in members)
    except SkipscopeError as error:
        sys.exit(str(error))
    print(f"{table(found)}\n\n{arms(chosen(found))}")


if __name__ == "__main__":
    main()
