"""Presents the evidence for a verdict: effects, intervals, bounds, confounds, missing measurements."""

from collections.abc import Sequence

from skipscope.claims.calibration.calibrate import planted_in
from skipscope.claims.catalogue import part_of
from skipscope.claims.model import ClaimResult, Finding
from skipscope.figures import claims as figures
from skipscope.report.context import Context
from skipscope.report.document import Block, Figure, Note, Table
from skipscope.report.words import Inline, code, literal, percent, rounded

SHOWN_RUNS = 6
"""The most run ids that are listed; if there are more, their number follows."""


def number(value: float) -> str:
    """Formats an effect as +0.31 or −12: a sign and two significant digits."""
    return ("−" if value < 0 else "+") + rounded(abs(value))


def effect_cell(finding: Finding) -> Inline:
    """The effect with its interval, in the claim's unit."""
    effect = finding.effect
    if effect is None:
        return Inline("—")
    if effect.low is None or effect.high is None or finding.exact:
        return Inline(number(effect.estimate))
    ends = f"{number(effect.low)}, {number(effect.high)}"
    return Inline(f"{number(effect.estimate)} \\[{ends}\\]")


def bound_cell(finding: Finding) -> Inline:
    """The bound that the effect has to pass."""
    mark = "\\<" if finding.direction in ("below", "within") else "\\>"
    if finding.direction in ("above", "below"):
        return Inline(f"{mark} {number(finding.bound)}")
    return Inline(f"\\|·\\| {mark} {rounded(abs(finding.bound))}")


def named(context: Context, claim: str, part: str) -> Inline:
    """A part's short name in the report's language."""
    return Inline(part_of(claim, part).wording(context.words.language).short)


def described(context: Context, claim: str, part: str) -> Inline:
    """What a part measures. Its texts are escaped: they contain no Markdown."""
    return literal(part_of(claim, part).wording(context.words.language).name)


def reason(context: Context, claim: str, part: str) -> Inline:
    """The reason why the part's bound is the smallest effect of interest."""
    return literal(part_of(claim, part).wording(context.words.language).reason)


def unit(context: Context, name: str) -> Inline:
    """A unit in the report's language."""
    return context.words.name(f"claim_unit.{name.replace(' ', '_').replace('.', '_')}", name)


def sentence_of(context: Context, result: ClaimResult) -> Inline:
    """Puts the leading finding's number into a sentence; empty if nothing was measured."""
    words, first = context.words, result.leading
    if first is None or first.effect is None:
        return Inline("")
    measured = "measured" if first.is_paired else "measured_alone"
    key = "exact" if first.exact else "single" if first.effect.low is None else measured
    return words(
        f"explanation.{key}",
        what=named(context, result.id, first.part),
        effect=effect_cell(first),
        unit=unit(context, first.effect.unit),
        n=first.effect.n,
        comparison=code(first.comparison),
    )


def numbers_of(context: Context, result: ClaimResult) -> list[Inline]:
    """The leading finding's sentence, and those of other parts that have a sentence of their own."""
    said = [sentence_of(context, result)]
    for finding in result.findings:
        text = part_of(result.id, finding.part).wording(context.words.language)
        told = {"supported": text.supported, "contradicted": text.contradicted}.get(finding.verdict)
        if told and finding.effect is not None and finding is not result.leading:
            effect, measured = effect_cell(finding), unit(context, finding.effect.unit)
            said.append(context.words("explanation.told", told=Inline(told), effect=effect, unit=measured))
    return said


def parts_table(context: Context, result: ClaimResult) -> list[Block]:
    """Tabulates every quantity of the claim that was measured."""
    words = context.words
    found = [finding for finding in result.findings if finding.effect is not None]
    if not found:
        return []
    keys = ("quantity", "comparison", "effect", "unit", "bound", "pairs", "verdict")
    return [
        Table(
            columns=context.columns("explanation", keys, right=("effect", "pairs")),
            rows=tuple(
                (
                    Inline(
                        described(context, result.id, f.part)
                        + ("" if f.counts else words.raw("explanation.aside"))
                    ),
                    code(f.comparison),
                    effect_cell(f),
                    unit(context, f.effect.unit if f.effect else ""),
                    Inline(f"{bound_cell(f)} \\({reason(context, result.id, f.part)}\\)"),
                    str(f.effect.n if f.effect else 0),
                    words(f"explanation.{f.verdict}"),
                )
                for f in found
            ),
        )
    ]


def details(context: Context, result: ClaimResult) -> list[Block]:
    """Small print: confounds, missing measurements and the commands that add them, calibration, runs."""
    words = context.words
    said: list[Inline] = []
    confounds = list(dict.fromkeys(each for finding in result.findings for each in finding.confounds))
    if confounds:
        listed = words.listed(
            [
                words(
                    "explanation.difference",
                    what=words.name(f"confound.{each.what.replace(' ', '_').replace('.', '_')}", each.what),
                    treated=each.treated,
                    control=each.control,
                )
                for each in confounds
            ]
        )
        said.append(words("explanation.differences", what=listed))
    said += lacking(context, result)
    if result.adjusted_p is not None:
        said.append(words("explanation.corrected", p=rounded(result.adjusted_p), family=result.family))
    said += calibrated(context, result)
    runs = sorted({run for finding in result.findings for run in finding.runs})
    if runs:
        key = "runs" if len(runs) <= SHOWN_RUNS else "runs_of"
        said.append(
            words(
                f"explanation.{key}",
                runs=words.listed([code(run) for run in runs[:SHOWN_RUNS]]),
                number=len(runs),
            )
        )
    return [Note(text=words.joined(said), kind="quiet")] if said else []


def calibrated(context: Context, result: ClaimResult) -> list[Inline]:
    """The claim's false-positive rate and power, by simulation."""
    found = context.calibration
    row = found["claims"].get(result.id, {})
    if "power" not in row:
        return []
    shares = {"false": percent(row["false_supported"]), "power": percent(row["power"])}
    where = {name: planted(context, result.id, name) for name in ("no effect", "twice")}
    told = {"null": where["no effect"], "there": where["twice"]}
    return [context.words("explanation.calibrated", studies=found["comparisons"], **shares, **told)]


def planted(context: Context, claim: str, scenario: str) -> Inline:
    """Describes the effect that a scenario of the calibration plants, part by part if they differ."""
    words = context.words
    parts = {part: words(f"planted.{kind}") for part, kind in planted_in(claim, scenario).items()}
    if len(set(parts.values())) == 1:
        return next(iter(parts.values()))
    told = [
        words("planted.part", what=named(context, claim, part), effect=effect)
        for part, effect in parts.items()
    ]
    return words.listed(told)


def lacking(context: Context, result: ClaimResult) -> list[Inline]:
    """Says what was not measured, which command adds it, and how many seeds would settle the claim."""
    words = context.words
    counted = [f for f in result.findings if f.counts and f.effect is None]
    open_parts = [f for f in counted if not f.lost]
    told = (
        words(f"explanation.lost_{f.lost}", arms=words.listed([code(arm) for arm in f.missing]))
        for f in counted
        if f.lost
    )
    said = list(dict.fromkeys(told))
    if open_parts:
        missing = list(dict.fromkeys(each for finding in open_parts for each in finding.missing))
        hint = dict.fromkeys(finding.hint for finding in open_parts if finding.hint)
        text = words.listed([code(each) for each in missing[:SHOWN_RUNS]])
        commands = words.listed([shortened_commands(context, each) for each in hint])
        said.append(words("explanation.lacking", what=text, hint=commands))
    if result.more_seeds is not None:
        said.append(words("explanation.more_seeds", number=result.more_seeds))
    return said


def shortened_commands(context: Context, commands: str) -> Inline:
    """Shortens commands that differ only in the run, separated by "; ", to the first and their number."""
    first, *others = commands.split("; ")
    command = context.command(first)
    if not others:
        return command
    names = context.command(f"skipscope claims {context.tables.record.study.name} --json")
    return context.words("explanation.alike", first=command, number=len(others), names=names)


def forest_of(context: Context, group: str, results: Sequence[ClaimResult]) -> list[Figure]:
    """Draws the group's effects side by side, in multiples of the smallest effect of interest."""
    rows: list[figures.Row] = []
    for result in results:
        for finding in result.findings:
            effect = finding.effect
            if effect is not None and finding.verdict in figures.SHAPES:
                row = _row(context, result, finding)
                low, high = (effect.estimate, effect.estimate) if finding.exact else (effect.low, effect.high)
                rows.append((row, finding.verdict, effect.estimate, low, high, finding.bound))
    if not rows:
        return []
    words = context.words
    spoken = words("explanation.forest_spoken", number=len(rows))
    return [
        context.figure(
            f"effects-{group}",
            figures.forest(figures.scaled(rows), labels=context.labels),
            caption=words("explanation.forest_caption"),
            spoken=spoken,
        )
    ]


def _row(context: Context, result: ClaimResult, finding: Finding) -> str:
    """Names a row after its part, and after its comparison if the part has several."""
    name = f"{result.id} {part_of(result.id, finding.part).wording(context.chart_language).short}"
    several = sum(other.part == finding.part for other in result.findings) > 1
    return f"{name}, {finding.comparison}" if several else name
