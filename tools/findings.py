"""Updates the records, figures and verdicts of docs/findings.md and its translation.

`python tools/findings.py [WORKSPACE]` copies the records that `skipscope pack` packs of each study (no
weights, no images of the data set) and the figures in `FIGURES`, and rewrites the verdicts between the marks
in the texts. Studies that the workspace lacks stay as they are. Without WORKSPACE only the verdicts are
rewritten.
"""

import re
import sys
from functools import cache
from pathlib import Path

from skipscope.analysis.tables import gather
from skipscope.claims.catalogue import catalogue
from skipscope.claims.evaluate import evaluate
from skipscope.claims.model import ClaimResult
from skipscope.language import Language
from skipscope.records.store import Workspace
from skipscope.report import build_report
from skipscope.report.appendix.evidence import effect_cell, unit_cell
from skipscope.report.rendering.markdown import table_row
from skipscope.report.words import Inline, Words
from skipscope.submission.archive import records

DOCS = Path(__file__).parents[1] / "docs"
FIGURES = {
    "depth": [
        "gradient-ratio-by-depth",
        "gradients-start",
        "shattering-start",
        "effects-shortcuts",
        "loss",
        "gradient-ratio",
    ],
    "fair": [
        "loss",
        "gradient-ratio",
        "effects-shortcuts",
        "effects-concatenation",
        "effects-gates",
        "effects-course",
    ],
    "lab": ["loss", "accuracy-in-time"],
    "stem": ["effects-gates"],
}
TEXTS: dict[Language, str] = {"en": "findings.md", "zh": "findings.zh-CN.md"}
VERDICTS = re.compile(r"(<!-- verdicts of (?P<study>\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def copy(workspace: Workspace) -> None:
    """Copy the records and figures of a workspace."""
    for record in workspace.studies():
        name = record.study.name
        for file, content in records(workspace, gather(workspace, name)):
            write(DOCS / "findings" / file, content)
        drawn = build_report(workspace, name, formats={"md"}, language=None)[0].parent / "figures"
        for figure in FIGURES.get(name, []):
            for language in TEXTS:
                path = drawn / f"{figure}.{language}.svg"
                if path.exists():
                    write(DOCS / "findings" / "figures" / f"{name}-{path.name}", path.read_bytes())


def fill() -> None:
    """Rewrite the verdicts in the texts."""
    for language, text in TEXTS.items():
        path = DOCS / text
        path.write_text(filled(path.read_text(encoding="utf-8"), language), encoding="utf-8")


def filled(text: str, language: Language) -> str:
    """Return the text with the verdicts of the records beside it."""
    return VERDICTS.sub(lambda found: found[1] + verdicts(found["study"], language) + found[3], text)


@cache
def judged(study: str) -> tuple[ClaimResult, ...]:
    """The results of a study's records, evaluated once for all languages."""
    return evaluate(Workspace(DOCS / "findings"), study)


def verdicts(study: str, language: Language) -> str:
    """Markdown table of the measured claims with their verdicts."""
    words = Words(language)
    names = {claim.id: claim.wording(language).name for claim in catalogue().values()}
    keys = ("claim", "verdict", "effect", "unit", "pairs")
    lines = [table_row(words(f"explanation.{key}") for key in keys), "|---|---|---:|---|---:|"]
    for result in judged(study):
        first = result.leading
        if result.verdict == "not_measured" or first is None or first.effect is None:
            continue
        pairs = "-" if first.exact else str(first.effect.n)
        cells = [f"{result.id} {names[result.id]}", words(f"explanation.{result.verdict}")]
        lines.append(table_row(map(Inline, [*cells, effect_cell(first), unit_cell(words, first), pairs])))
    return "\n".join(lines) + "\n"


def write(path: Path, content: bytes) -> None:
    """Write the file, creating its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


if __name__ == "__main__":
    for given in sys.argv[1:]:
        copy(Workspace(Path(given)))
    fill()
