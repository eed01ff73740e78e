"""Explains the results: which textbook claims hold here, in prose and claim by claim.

Every sentence is chosen by a verdict; none is written that the readings of this workspace do not support.
"""

from collections.abc import Mapping, Sequence
from itertools import chain, groupby

from skipscope.claims.catalogue import Wording, catalogue
from skipscope.claims.model import ClaimResult, Verdict
from skipscope.records.network_card import NetworkCard
from skipscope.records.printed import anatomy_of
from skipscope.report.appendix.evidence import details, forest_of, numbers, numbers_of, parts_table
from skipscope.report.appendix.reference import reference
from skipscope.report.context import Context
from skipscope.report.document import Block, Column, Note, Paragraph, Section, Table
from skipscope.report.words import Inline, short

CONFOUNDED = 1.05
"""Costs that differ by more than this factor confound a comparison."""
SETTLED: tuple[Verdict, ...] = ("supported", "contradicted")
OPEN: tuple[Verdict, ...] = ("inconclusive", "confounded", "not_measured")


def explanation(context: Context) -> Section:
    """Says in prose what holds and what does not, then lists the claims group by group."""
    words = context.words
    by_group = groupby(context.results, key=lambda result: result.group)
    groups = {group: list(results) for group, results in by_group}
    shapes = context.tables.record.data.name == "shapes"
    embedded = [Note(text=words("explanation.embedded"))] if shapes else []
    short = context.sections("claims", "explanation", {"short": in_short(context, groups)})
    parts = {
        group: [
            *forest_of(context, group, results),
            *chain.from_iterable(card(context, each) for each in results),
        ]
        for group, results in groups.items()
    }
    blocks: list[Block] = [Paragraph(text=words("explanation.text")), *embedded, *fairness(context)]
    sections = [*short, *context.sections("claims", "claims", parts)]
    return context.section("explanation", "explanation", blocks, sections)


def wording(context: Context, result: ClaimResult) -> Wording:
    """Returns the claim's texts in the report's language."""
    return catalogue()[result.id].wording(context.words.language)


def sentence(context: Context, result: ClaimResult) -> Inline:
    """Writes the sentence that fits the verdict: the claim, its opposite, or that it is undecided."""
    text = wording(context, result)
    if result.verdict in (*SETTLED, "inconclusive"):
        return Inline(getattr(text, result.verdict))
    return context.words("explanation.claimed", sentence=Inline(text.sentence))


def in_short(context: Context, groups: Mapping[str, Sequence[ClaimResult]]) -> list[Block]:
    """Builds a paragraph per group: what holds, where textbook and measurement differ, what is open."""
    words, results = context.words, context.results
    counts = {verdict: sum(result.verdict == verdict for result in results) for verdict in (*SETTLED, *OPEN)}
    blocks: list[Block] = [Paragraph(text=words("explanation.counts", of=len(results), **counts))]
    for group, members in groups.items():
        settled = [spoken(context, each) for kind in SETTLED for each in members if each.verdict == kind]
        left = [
            words(f"explanation.left_{verdict}", ids=words.listed(ids))
            for verdict in OPEN
            if (ids := [result.id for result in members if result.verdict == verdict])
        ]
        intro = words("explanation.of_group", group=words(f"claims.{group}"))
        blocks.append(Paragraph(text=words.joined([intro, *settled, *left])))
    return [*blocks, verdict_table(context)]


def spoken(context: Context, result: ClaimResult) -> Inline:
    """Puts a settled claim into a sentence with its number; a contradicted one also quotes the textbook."""
    return context.words(
        f"explanation.says_{result.verdict}",
        id=result.id,
        textbook=Inline(wording(context, result).sentence.rstrip("。.")),
        sentence=Inline(sentence(context, result).rstrip("。.")),
        numbers=context.words.joined(numbers_of(context, result)),
    )


def verdict_table(context: Context) -> Table:
    """Tabulates all claims with their verdicts."""
    columns = (Column(title=Inline("")), *context.columns("explanation", ("claim", "verdict", "rests_on")))
    rows = []
    for result in context.results:
        id, verdict = Inline(f"**{result.id}**"), context.words(f"explanation.{result.verdict}")
        rows.append((id, stated(context, result), verdict, rests_on(context, result)))
    return Table(kind="claims", columns=columns, rows=tuple(rows))


def stated(context: Context, result: ClaimResult) -> Inline:
    """Writes the claim's name and sentence. Its texts are ours, so their marks mean something."""
    text = wording(context, result)
    # GitHub does not end bold print after a full stop that a Chinese character follows
    name = f"**{text.name}**。" if context.words.language == "zh" else f"**{text.name}.** "
    return Inline(name + text.sentence)


def rests_on(context: Context, result: ClaimResult) -> Inline:
    """Writes the leading effect with its number of pairs, or what measuring it needs."""
    first = result.leading
    if first is None or first.effect is None:
        return Inline(wording(context, result).needs)
    effect = numbers(context, first)["effect"]
    return effect if first.exact else context.words("explanation.effect_of", effect=effect, n=first.effect.n)


def card(context: Context, result: ClaimResult) -> list[Block]:
    """Shows a claim's verdict and number, its quantities, the small print, and what the reference says."""
    words, text = context.words, wording(context, result)
    name, verdict = Inline(text.name), words(f"explanation.{result.verdict}")
    claimed = sentence(context, result)
    said = [words("explanation.card", id=result.id, name=name, verdict=verdict, sentence=claimed)]
    table: list[Block] = []
    if result.verdict == "not_measured":
        said.append(words("explanation.why", needs=Inline(text.needs)))
    else:
        said += numbers_of(context, result)
        said.append(words("explanation.would_change", what=Inline(text.changes)))
        table = parts_table(context, result.id, result.findings)
    told = Paragraph(text=words.joined(said), id=f"claim-{result.id}")
    return [told, *table, *details(context, result), *reference(context, result.id)]


def fairness(context: Context) -> list[Note]:
    """Builds a warning if the study has `resnet` and `se_resnet` and they differ in more than the gates."""
    cards = {summary.model: summary.network for summary in context.tables.summaries if summary.network}
    plain, gated = cards.get("resnet"), cards.get("se_resnet")
    if plain is None or gated is None or gated.macs <= CONFOUNDED * plain.macs:
        return []
    what = Inline(context.words.raw("list.clause").join(differences(context, plain, gated)))
    return [Note(text=context.words("fairness.warning", what=what), kind="warning")]


def differences(context: Context, plain: NetworkCard, gated: NetworkCard) -> list[Inline]:
    """Lists the differences between the two networks, from their records."""
    words = context.words
    found = []
    if pooled(plain) and not pooled(gated):
        found.append(words("fairness.pool"))
    sides = side(plain), side(gated)
    if None not in sides and sides[0] != sides[1]:
        found.append(words("fairness.sides", plain=sides[0], se=sides[1]))
    ratio = f"{gated.macs / plain.macs:.1f}"
    return [*found, words("fairness.macs", ratio=ratio, se=short(gated.macs), plain=short(plain.macs))]


def pooled(card: NetworkCard) -> bool:
    """Tells whether the stem has a max-pool."""
    return any(layer.kind == "max-pool" for layer in anatomy_of(card).stem)


def side(card: NetworkCard) -> int | None:
    """Returns the side of the first maps after the stem, in pixels."""
    maps = anatomy_of(card).maps
    return maps[0][-1] if maps else None
