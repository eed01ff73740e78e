"""Puts the records of a workspace, and figures of its reports, beside docs/findings.md.

`python tools/findings.py WORKSPACE`: what `skipscope pack` packs of each study (no weights, no pictures of
the data set), the figures named here, and the verdicts between the marks in the text. A study that the
workspace does not have stays as it is.
"""

import re
import sys
from pathlib import Path

from skipscope.analysis.tables import StudyTables, gather
from skipscope.claims.base import Finding
from skipscope.claims.catalogue import catalogue
from skipscope.claims.evaluate import evaluate
from skipscope.records.store import Workspace
from skipscope.report import build_report
from skipscope.report.handin import records
from skipscope.report.words import unmarked

DOCS = Path(__file__).parents[1] / "docs"
FIGURES = {
    "depth": ["gradient-ratio-by-depth", "gradients-start", "shattering-start", "effects-shortcuts"],
    "fair": [
        "loss",
        "accuracy",
        "deletion",
        "landscape",
        "effects-shortcuts",
        "effects-concatenation",
        "effects-gates",
        "effects-course",
    ],
    "lab": ["loss", "accuracy"],
    "stem": ["effects-gates"],
}
VERDICTS = re.compile(r"(<!-- verdicts of (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main(workspace: Workspace) -> None:
    """Copies, draws and writes."""
    tables = {record.study.name: gather(workspace, record.study.name) for record in workspace.studies()}
    for study, found in tables.items():
        for place, content in records(workspace, found):
            write(DOCS / "findings" / place, content)
        drawn = build_report(workspace, study, formats={"md"}, language="en")[0].parent / "figures"
        for name in FIGURES.get(study, []):
            figure = drawn / f"{name}.en.svg"
            if figure.exists():
                write(DOCS / "findings" / "figures" / f"{study}-{name}.svg", figure.read_bytes())
    text = DOCS / "findings.md"
    filled = VERDICTS.sub(
        lambda found: found[1] + (verdicts(tables[found[2]]) if found[2] in tables else "") + found[3],
        text.read_text(encoding="utf-8"),
    )
    text.write_text(filled, encoding="utf-8")


def verdicts(tables: StudyTables) -> str:
    """A table in Markdown: what was measured, and what came out."""
    names = {claim.id: unmarked(claim.en.name) for claim in catalogue()}
    lines = ["| claim | verdict | leading effect [95 %] | pairs |", "|---|---|---:|---:|"]
    for result in evaluate(tables):
        first = result.leading
        if result.verdict != "not_measured" and first is not None:
            said = result.verdict.replace("confounded", "withheld")
            lines.append(f"| {result.id} {names[result.id]} | {said} | {effect(first)} |")
    return "\n".join(lines) + "\n"


def effect(finding: Finding) -> str:
    """Estimate, interval, unit; pairs."""
    found = finding.effect
    if found is None:
        return "- | -"
    ends = "" if finding.exact or found.low is None else f" [{found.low:+.3g}, {found.high:+.3g}]"
    return f"{found.estimate:+.3g}{ends} {found.unit} | {'exact' if finding.exact else found.n}"


def write(path: Path, content: bytes) -> None:
    """The file with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


if __name__ == "__main__":
    main(Workspace(Path(sys.argv[1])))
