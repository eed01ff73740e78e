"""Writes docs/findings.md and its translation: texts whose numbers are filled in from the reference.

`python tools/findings.py` fills docs/findings/text.en.txt and text.zh.txt with what ships as the reference
(made from the records by tools/reference.py) and draws their figures again. A field in braces is a number:

    {S3 plain of plain8, plain56 in depth is supported}   a part of a claim, and the verdict that is told
    {test accuracy of resnet in lab}                      a quantity: its mean over seeds and its interval
    {test accuracy of resnet minus cnn in lab}            that of pairs of runs
    {seeds of resnet in lab}                              or parameters, images, epochs
    {seen: test accuracy of resnet in lab > test accuracy of cnn in lab}    nothing, if it is so

A verdict or an order that is no longer so ends the writing: the sentence has to be written anew. After a
comma stands how a number is told: `size` without its sign, `inverse` as how many times less, `points` a
share in points, `fewer points` a share by which something is less.
"""

import json
import re
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from statistics import median

import polars as pl

from skipscope.analysis.statistics import over_seeds
from skipscope.analysis.tables import gather
from skipscope.claims.catalogue import catalogue
from skipscope.claims.model import Finding
from skipscope.claims.ratios import told_as_ratio
from skipscope.language import Language
from skipscope.records.store import Workspace
from skipscope.reference import shipped
from skipscope.reference.card import ReferenceCard
from skipscope.reference.compact import card_of, table_of
from skipscope.report import build_report
from skipscope.report.handin.prose import bracketed
from skipscope.report.rendering.markdown import table_row
from skipscope.report.words import NBSP, Inline, Words, count, rounded

DOCS = Path(__file__).parents[1] / "docs"
SHORT, FULL = DOCS / "findings" / "records.tar.xz", DOCS / "reference"
TEXTS: dict[Language, str] = {"en": "findings.md", "zh": "findings.zh-CN.md"}
FIGURES = {
    "depth": (SHORT, ["gradient-ratio-by-depth", "loss", "gradient-ratio"]),
    "evening": (FULL / "evening.tar.xz", ["effects-gates"]),
    "lab": (FULL / "lab.tar.xz", ["loss", "accuracy-in-time"]),
    "noskip": (FULL / "noskip.tar.xz", ["loss"]),
}
"""Those that the texts show, by study, and the records that they are drawn from."""
IN_FULL = "_in_full"
"""So end the names of studies of docs/reference that are not complete: described, and not judged."""
ORDER = "evening", "noskip", "depth", "fair", "stem", "lab"
"""The columns of the table of verdicts."""
FIELD = re.compile(r"\{([^{}]+)\}")
PART = re.compile(
    r"(?P<claim>[SDET]\d+[abc]?) (?P<part>\w+) of (?P<arms>.+) in (?P<study>\w+) is (?P<told>\w+)"
)
LEVEL = re.compile(
    r"(?P<quantity>[a-z ]+) of (?P<arm>\w+)(?: minus (?P<other>\w+))? in (?P<study>\w+)"
    r"(?: at (?P<moment>\w+))?"
)
RATIO = "first over last"
"""Quantities that begin so are decimal logarithms."""
SPREAD = "spread of the first update"
"""A logarithm as well, of which the median is told, as in the hand-in."""
PERCENT = "test accuracy", "training error"
SHARE = "class share"
Ends = tuple[float, float, float]
"""A value and the ends of its interval."""


class Untrue(Exception):
    """A sentence says what the records do not."""


def filled(text: str, language: Language) -> str:
    """Returns the text with a number for each field.

    Raises:
        Untrue: a verdict or an order is not as the sentence has it, or there is no such number.
    """

    def value(found: re.Match[str]) -> str:
        field, _, how = found[1].rpartition(", ")
        if not field or how not in HOW:  # arms are divided by commas, too
            field, how = found[1], ""
        if field == "verdicts":
            return verdicts(language)
        if field.startswith("seen: "):
            return seen(field.removeprefix("seen: "))
        if part := PART.fullmatch(field):
            return effect(part, how)
        if level := LEVEL.fullmatch(field):
            return level_of(level)
        raise Untrue(f"no such field: {found[0]}")

    return FIELD.sub(value, text)


def effect(asked: re.Match[str], how: str) -> str:
    """Writes a part of a claim, if its verdict is what the sentence tells.

    Raises:
        Untrue: it is another, or the part was not measured.
    """
    finding = finding_of(asked["study"], asked["claim"], asked["part"], asked["arms"])
    told = told_as_ratio(finding).effect
    if told is None or finding.verdict != asked["told"]:
        raise Untrue(
            f"{asked['claim']} {asked['part']} of {asked['arms']} in {asked['study']} is {finding.verdict}, "
            f"and the text tells it as {asked['told']}: write its sentence anew"
        )
    ends = HOW[how]((told.estimate, *(told.interval or (told.estimate,) * 2)))
    if told.ratio:
        return factor(ends)
    if told.unit == "per cent":
        return f"{'' if how or ends[0] < 0 else '+'}{rounded(ends[0])}%"
    return bracketed(*ends, signs=not how)


def finding_of(study: str, claim: str, part: str, arms: str) -> Finding:
    """Finds a part of a claim in the reference.

    Raises:
        Untrue: it was not measured there.
    """
    for row in source(study)[0].claims:
        for each in row["parts"] if row["id"] == claim else ():
            if each["part"] == part and each["comparison"] == arms and each["effect"]:
                return Finding.model_validate({key: each[key] for key in each.keys() & Finding.model_fields})
    raise Untrue(f"{claim} {part} of {arms} was not measured in {study}")


def level_of(asked: re.Match[str]) -> str:
    """Writes a quantity of an arm, or what its card says of it.

    Raises:
        Untrue: it has no such quantity.
    """
    study, _ = source(asked["study"])
    card = next((arm for arm in study.arms if arm.arm == asked["arm"]), None)
    if card is None:
        raise Untrue(f"{asked[0]}: no such network in the reference")
    known = {
        "seeds": len(card.seeds),
        "parameters": card.parameters,
        "images": study.images,
        "epochs": card.epochs,
    }
    if asked["quantity"] in known:
        return count(known[asked["quantity"]] or 0)
    return measured(asked)


def measured(asked: re.Match[str]) -> str:
    """Writes the mean over seeds with Student's interval, as the quantity wants it."""
    quantity, ends = asked["quantity"], ends_of(asked)
    if quantity == SPREAD:
        return rounded(10 ** median(values_of(asked).values()))
    if quantity == SHARE:  # by its median, as in the hand-in
        return f"{rounded(100 * median(values_of(asked).values()))}%"
    if quantity.startswith(RATIO):
        return factor((10 ** ends[0], 10 ** ends[1], 10 ** ends[2]))
    if quantity not in PERCENT or asked["other"]:
        return bracketed(*ends)
    value, bracket, rest = bracketed(*ends).partition(" \\[")
    return f"{value}%{bracket}{rest}"


def ends_of(asked: re.Match[str]) -> Ends:
    """Returns the mean over seeds and the ends of its interval.

    Raises:
        Untrue: it was not measured.
    """
    estimate = over_seeds(values_of(asked))
    if estimate is None:
        raise Untrue(f"{asked[0]}: not measured")
    return estimate.value, estimate.low, estimate.high


def values_of(asked: re.Match[str]) -> dict[int, float]:
    """Returns a quantity of an arm by seed; of two arms the difference of runs with one seed."""
    start = asked["moment"] == "start" or asked["quantity"].endswith("at the start")
    asks = {"quantity": asked["quantity"], "moment": "start" if start else "end"}
    table = source(asked["study"])[1].filter(study=asked["study"].removesuffix(IN_FULL), **asks)
    found: dict[str, dict[int, float]] = {}
    for arm, seed, value in table.select("arm", "seed", "value").iter_rows():
        found.setdefault(arm, {})[seed] = json.loads(value)
    values, other = found.get(asked["arm"], {}), found.get(asked["other"] or "", {})
    if asked["other"] is None:
        return values
    return {seed: values[seed] - other[seed] for seed in values.keys() & other.keys()}


@cache
def source(study: str) -> tuple[ReferenceCard, pl.DataFrame]:
    """Returns the card of a study and the table that its quantities are in: what ships, or docs/reference.

    Raises:
        Untrue: it is not there.
    """
    if study.endswith(IN_FULL):
        tables = gather(Workspace(FULL), study.removesuffix(IN_FULL))
        return card_of(tables, claims=False), table_of(tables)
    if study not in shipped.cards():
        raise Untrue(f"no such study in the reference: {study}")
    return shipped.cards()[study], shipped.quantities()


def seen(order: str) -> str:
    """Writes nothing, if one quantity lies above the other, intervals and all.

    Raises:
        Untrue: it does not.
    """
    upper, lower = (ends_of(found) for each in order.split(" > ") if (found := LEVEL.fullmatch(each)))
    if upper[1] <= lower[2]:
        raise Untrue(f"{order}: their intervals overlap, or it is the other way round")
    return ""


def factor(ends: Ends) -> str:
    """Writes a ratio with its interval."""
    value, low, high = map(rounded, ends)
    return value if low == high else f"{value} \\[{low},{NBSP}{high}\\]"


def _turned(ends: Ends) -> Ends:
    return -ends[0], -ends[2], -ends[1]


HOW: Mapping[str, Callable[[Ends], Ends]] = {
    "": lambda ends: ends,
    "size": lambda ends: ends if ends[0] >= 0 else _turned(ends),
    "inverse": lambda ends: (1 / ends[0], 1 / ends[2], 1 / ends[1]),
    "points": lambda ends: (100 * ends[0], 100 * ends[1], 100 * ends[2]),
    "fewer points": lambda ends: (-100 * ends[0], -100 * ends[2], -100 * ends[1]),
}
"""How a number is told, by what follows its comma."""


def verdicts(language: Language) -> str:
    """Tabulates the verdict of each claim in each study that measured it."""
    words = Words(language)
    told = {study: {row["id"]: row["verdict"] for row in shipped.cards()[study].claims} for study in ORDER}
    lines = [table_row([words("explanation.claim"), *(Inline(f"`{study}`") for study in ORDER)])]
    lines.append("|---|" + "---|" * len(ORDER))
    for id, claim in catalogue().items():
        verdict = [told[study].get(id, "not_measured") for study in ORDER]
        cells = [Inline("—") if each == "not_measured" else words(f"explanation.{each}") for each in verdict]
        lines.append(table_row([Inline(f"{id} {claim.wording(language).name}"), *cells]))
    return "\n".join(lines)


def text_of(language: Language) -> str:
    """Reads the text with its fields."""
    return (DOCS / "findings" / f"text.{language}.txt").read_text(encoding="utf-8")


def draw() -> None:
    """Draws the figures again."""
    for study, (records, figures) in FIGURES.items():
        drawn = build_report(Workspace(records), study, formats={"md"}, language=None)[0].parent / "figures"
        for figure in figures:
            for language in TEXTS:
                path = DOCS / "findings" / "figures" / f"{study}-{figure}.{language}.svg"
                path.write_bytes((drawn / f"{figure}.{language}.svg").read_bytes())


if __name__ == "__main__":
    try:
        written = {DOCS / page: filled(text_of(language), language) for language, page in TEXTS.items()}
    except Untrue as problem:
        sys.exit(f"docs/findings: {problem}")
    for page, said in written.items():
        page.write_text(said, encoding="utf-8")
    draw()
