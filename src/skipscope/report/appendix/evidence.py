"""Presents the evidence for a verdict: effects, intervals, bounds, confounds, missing measurements."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TypeVar

from skipscope.claims.catalogue import PartWording, part_of
from skipscope.claims.model import ClaimResult, Finding
from skipscope.claims.ratios import RATIO, compared, told_as_ratio
from skipscope.figures import claims as figures
from skipscope.report.appendix.outlook import outlook_of
from skipscope.report.context import Context
from skipscope.report.document import Block, Figure, Note, Table
from skipscope.report.words import Inline, Words, change, code, count, literal, percent, rounded

T = TypeVar("T")
SPOKEN = {"points", "points per 10 layers", "per cent", "nats", RATIO}
"""Units that sentences name; numbers in others, such as correlations and shares, have none."""
SHOWN_RUNS = 6
"""The most run ids that are listed; if there are more, their number follows."""


def effect_cell(finding: Finding) -> Inline:
    """Writes the effect with the interval of its level, in the unit of `unit_cell`; a ratio has no sign."""
    effect = told_as_ratio(finding).effect
    if effect is None:
        return Inline("—")
    shown = rounded if effect.ratio else change
    if effect.interval is None or finding.exact:
        return Inline(shown(effect.estimate))
    ends = ", ".join(map(shown, effect.interval))
    return Inline(f"{shown(effect.estimate)} \\[{ends}\\]")


def bound_cell(finding: Finding) -> Inline:
    """Writes the bound that the effect has to pass, in the unit of `unit_cell`."""
    finding = told_as_ratio(finding)
    mark = "\\<" if finding.direction in ("below", "within") else "\\>"
    ratio = finding.effect is not None and finding.effect.ratio
    if finding.direction in ("above", "below"):
        return Inline(f"{mark} {rounded(finding.bound) if ratio else change(finding.bound)}")
    if ratio:
        between = f"{rounded(1 / finding.bound)}, {rounded(finding.bound)}"
        return Inline(f"{'∈' if finding.direction == 'within' else '∉'} \\[{between}\\]")
    return Inline(f"\\|·\\| {mark} {rounded(abs(finding.bound))}")


def unit_cell(words: Words, finding: Finding) -> Inline:
    """Names the unit in which an effect is written; of what is compared as logarithms that of a ratio."""
    effect = told_as_ratio(finding).effect
    return Inline("") if effect is None else label(words, "claim_unit", effect.unit)


def texts_of(context: Context, claim: str, part: str) -> PartWording:
    """Returns a part's texts in the report's language; they contain no Markdown."""
    return part_of(claim, part).wording(context.words.language)


def label(words: Words, group: str, name: str) -> Inline:
    """Writes the name of a unit (`claim_unit`) or of a confound (`confound`)."""
    return words.name(f"{group}.{name.replace(' ', '_').replace('.', '_')}", name)


def sentence_of(context: Context, result: ClaimResult) -> Inline:
    """Puts the leading finding's number into a sentence; empty if nothing was measured."""
    first = result.leading
    if first is None or first.effect is None:
        return Inline("")
    measured = "measured" if first.is_paired else "measured_alone"
    key = "exact" if first.exact else "single" if first.effect.low is None else measured
    return context.words(
        f"explanation.{key}",
        what=Inline(texts_of(context, result.id, first.part).short),
        n=first.effect.n,
        **numbers(context, first),
    )


def numbers(context: Context, finding: Finding) -> dict[str, Inline]:
    """Returns what sentences say of an effect: its number with its unit, and the arms that it compares."""
    number, unit = effect_cell(finding), told_as_ratio(finding).effect
    if unit is not None and unit.unit in SPOKEN:
        named = unit_cell(context.words, finding)
        number = Inline(f"{number}{'' if named == '%' else ' '}{named}")
    return {"effect": number, "comparison": comparison_of(context, finding)}


def comparison_of(context: Context, finding: Finding) -> Inline:
    """Names the arms, and the training loss at which they are compared if it is not the start or the end."""
    arms = code(compared(told_as_ratio(finding)))
    if finding.at_loss is None:
        return arms
    at = context.words("explanation.at_loss", loss=f"{finding.at_loss:g}")
    return Inline(f"{arms}{at}")


def numbers_of(context: Context, result: ClaimResult) -> list[Inline]:
    """Returns the leading finding's sentence, and those of other parts that have a sentence of their own."""
    said = [sentence_of(context, result)]
    for finding in result.findings:
        text = texts_of(context, result.id, finding.part)
        whole = result.verdict_of(finding.part)
        told = {"supported": text.supported, "contradicted": text.contradicted}.get(whole)
        if told and finding.effect is not None and finding is not result.leading and finding.verdict == whole:
            said.append(context.words("explanation.told", told=Inline(told), **numbers(context, finding)))
    return said


def parts_table(context: Context, claim: str, findings: Iterable[Finding]) -> list[Block]:
    """Tabulates every quantity of the claim that was measured."""
    words, rows = context.words, []
    for finding in findings:
        if finding.effect is not None:
            text = texts_of(context, claim, finding.part)
            name = Inline(literal(text.name) + ("" if finding.counts else words.raw("explanation.aside")))
            unit = unit_cell(words, finding)
            bound = Inline(f"{bound_cell(finding)} \\({literal(text.reason)}\\)")
            n, verdict = str(finding.effect.n), words(f"explanation.{finding.verdict}")
            compared = comparison_of(context, finding)
            rows.append((name, compared, effect_cell(finding), unit, bound, n, verdict))
    keys = ("quantity", "comparison", "effect", "unit", "bound", "pairs", "verdict")
    columns = context.columns("explanation", keys, right=("effect", "pairs"))
    return [Table(columns=columns, rows=tuple(rows))] if rows else []


def details(context: Context, result: ClaimResult) -> list[Block]:
    """Lists confounds, missing measurements with their commands, calibration and runs as small print."""
    words = context.words
    said: list[Inline] = []
    if confounds := distinct(finding.confounds for finding in result.findings):
        listed = []
        for each in confounds:
            what = label(words, "confound", each.what)
            listed.append(
                words("explanation.difference", what=what, treated=each.treated, control=each.control)
            )
        said.append(words("explanation.differences", what=words.listed(listed)))
    said += lacking(context, result)
    if result.adjusted_p is not None:
        level = result.leading.effect.level if result.leading and result.leading.effect else 0.95
        said.append(
            words(
                "explanation.corrected",
                p=rounded(result.adjusted_p),
                family=result.family,
                level=percent(level),
            )
        )
    said += timed(context, result)
    said += calibrated(context, result)
    if runs := sorted(distinct(finding.runs for finding in result.findings)):
        key = "explanation.runs" if len(runs) <= SHOWN_RUNS else "explanation.runs_of"
        said.append(words(key, runs=words.listed(list(map(code, runs[:SHOWN_RUNS]))), number=len(runs)))
    return [Note(text=words.joined(said), kind="quiet")] if said else []


def distinct(groups: Iterable[Iterable[T]]) -> list[T]:
    """Returns everything in the groups, once each, in their order."""
    return list(dict.fromkeys(chain.from_iterable(groups)))


def timed(context: Context, result: ClaimResult) -> list[Inline]:
    """Says how many runs were in progress at once, if the claim compares times."""
    parts = [part_of(result.id, finding.part) for finding in result.findings if finding.effect is not None]
    return [context.words("explanation.timed", beside=context.beside)] if any(p.timed for p in parts) else []


def calibrated(context: Context, result: ClaimResult) -> list[Inline]:
    """Returns the claim's false verdicts and power, by simulation at the spread of recorded runs."""
    found = context.calibration
    row = found["claims"].get(result.id, {})
    if "power" not in row:
        return []
    worst = row["least_favourable"]["skewed"]
    told = {each: percent(worst[each]) for each in ("supported", "contradicted")}
    told |= {"studies": count(found["studies"]), "power": percent(row["power"])}
    said = [context.words("explanation.calibrated", **told)]
    return [*said, context.words("explanation.misses")] if row["misses"] else said


def lacking(context: Context, result: ClaimResult) -> list[Inline]:
    """Says what was not measured, which command adds it, and what would settle the claim."""
    words = context.words
    unknown = [f for f in result.findings if f.counts and f.effect is None]
    lost = [(f.lost, words.listed(list(map(code, f.missing)))) for f in unknown if f.lost]
    said = list(dict.fromkeys(words(f"explanation.lost_{why}", arms=arms) for why, arms in lost))
    if missing_parts := [f for f in unknown if not f.lost]:
        missing = distinct(f.missing for f in missing_parts)[:SHOWN_RUNS]
        hints = dict.fromkeys(f.hint for f in missing_parts if f.hint)
        commands = words.listed([shortened_commands(context, each) for each in hints])
        said.append(words("explanation.lacking", what=words.listed(list(map(code, missing))), hint=commands))
    return said + outlook_of(context, result)


def shortened_commands(context: Context, commands: str) -> Inline:
    """Shortens commands that differ only in the run, separated by "; ", to the first and their number."""
    first, *others = commands.split("; ")
    if not others:
        return context.command(first)
    names = context.command(f"skipscope claims {context.tables.record.study.name} --json")
    return context.words("explanation.alike", first=context.command(first), number=len(others), names=names)


def forest_of(context: Context, group: str, results: Sequence[ClaimResult]) -> list[Figure]:
    """Draws the group's effects side by side, in multiples of the smallest effect of interest."""
    rows: list[figures.Row] = []
    for result in results:
        for finding in map(told_as_ratio, result.findings):
            effect = finding.effect
            point = (effect.estimate, effect.estimate) if effect is not None and finding.exact else None
            ends = point or (effect and effect.interval)
            # a single seed has no interval to be seen
            if effect is not None and ends is not None and finding.verdict in figures.SHAPES:
                row = _row(context, result, finding)
                rows.append((row, finding.verdict, effect.estimate, *ends, finding.bound, effect.ratio))
    if not rows:
        return []
    chart = figures.forest(figures.scaled(rows), labels=context.labels)
    spoken = context.words("explanation.forest_spoken", number=len(rows))
    caption = context.words("explanation.forest_caption")
    return [context.figure(f"effects-{group}", chart, caption=caption, spoken=spoken)]


def _row(context: Context, result: ClaimResult, finding: Finding) -> str:
    """Names a row after its part and its comparison, which the chart puts below each other."""
    name = f"{result.id} {part_of(result.id, finding.part).wording(context.charts.language).short}"
    return f"{name}{figures.BREAK}{compared(finding)}"
