"""Writes the tables of docs/statistics.md anew.

`python tools/coverage_tables.py [WORKSPACE [ANOTHER]]` simulates the coverage of intervals, as
`skipscope calibrate --coverage` does. With a workspace it first makes the calibration that comes with the
package, `claims/calibration/calibration.json`, from the runs there, as `skipscope calibrate` does; runs of
a network against itself are those in the other workspace, made by `skipscope calibrate --against-itself 20`.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from skipscope.analysis.tables import gather
from skipscope.claims import calibration
from skipscope.claims.calibration import against_itself
from skipscope.claims.calibration.calibrate import STUDIES, calibrate, document, load_calibration
from skipscope.claims.calibration.coverage import PAIRS, Coverage, coverage
from skipscope.claims.calibration.recorded import recorded
from skipscope.records.store import Workspace

DOCS = Path(__file__).parents[1] / "docs"
TABLE = r"(<!-- {name} -->\n).*?(<!-- end -->)"


def coverage_table(found: list[Coverage]) -> str:
    """Markdown table of the shares of intervals that contain the truth."""
    lines = [
        "| pairs differ as | " + " | ".join(f"n = {n}" for n in PAIRS) + " |",
        "|---|" + "---:|" * len(PAIRS),
    ]
    for name in dict.fromkeys(each.differences for each in found):
        cells = [f"{100 * each.covered:.1f} %" for each in found if each.differences == name]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def calibration_table(found: dict[str, Any]) -> str:
    """Markdown table of false verdicts at the bound and of power, claim by claim."""
    lines = [
        "| claim | study | symmetric: supported, contradicted | as skewed as recorded | power |",
        "|---|---|---|---|---:|",
    ]
    for id, row in found["claims"].items():
        if "power" in row:
            least = row["least_favourable"]
            cells = [
                ", ".join(f"{100 * least[kind][verdict]:.1f} %" for verdict in ("supported", "contradicted"))
                for kind in ("symmetric", "skewed")
            ]
            mark = " (misses its bar)" if row["misses"] else ""
            lines.append(
                f"| {id}{mark} | {row['study']} | {cells[0]} | {cells[1]} | {100 * row['power']:.1f} % |"
            )
    return "\n".join(lines) + "\n"


def shipped(workspace: Path, another: Path | None = None) -> None:
    """Make the calibration of the package from the runs of a workspace, and A/A studies from another."""
    real = {}
    if another:
        real = against_itself.rates(against_itself.verdicts(gather(Workspace(another), against_itself.NAME)))
    simulated = calibrate(recorded(Workspace(workspace)))
    found = document(simulated, real, studies=STUDIES, source=workspace.name)
    path = Path(calibration.__path__[0]) / "calibration.json"
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Rewrite both tables."""
    path = DOCS / "statistics.md"
    text = path.read_text(encoding="utf-8")
    for name, table in (
        ("coverage", coverage_table(coverage())),
        ("calibration", calibration_table(load_calibration())),
    ):
        pattern = re.compile(TABLE.format(name=name), re.DOTALL)
        text = pattern.sub(lambda found, table=table: found[1] + table + found[2], text)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if given := [Path(name) for name in sys.argv[1:]]:
        shipped(*given)
    main()
