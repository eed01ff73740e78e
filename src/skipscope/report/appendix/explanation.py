"""Explains the results: which textbook claims hold here, in prose and claim by claim.

Every sentence is chosen by a verdict; none is written that the readings of this workspace do not support.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby

from skipscope.claims.catalogue import Claim, Wording, catalogue
from skipscope.claims.model import ClaimResult
from skipscope.records.printed import anatomy_of
from skipscope.records.schema import NetworkCard
from skipscope.report.appendix.evidence import details, effect_cell, forest_of, numbers_of, parts_table
from skipscope.report.context import Context
from skipscope.report.document import Block, Column, Note, Paragraph, Section, Table
from skipscope.report.words import Inline, short

CONFOUNDED = 1.05
"""Costs that differ by more than this factor confound a comparison."""
SETTLED = ("supported", "contradicted")


def explanation(context: Context, number: str) -> Section:
    """Says in prose what holds and what does not, then lists the claims group by group."""
    words = context.words
    results = {result.id: result for result in context.results}
    groups = {
        group: list(claims) for group, claims in groupby(catalogue().values(), key=lambda claim: claim.group)
    }
    short = {"short": in_short(context, groups, results)}
    by_group = {group: group_blocks(context, group, claims, results) for group, claims in groups.items()}
    embedded = (
        [Note(text=words("explanation.embedded"))] if context.tables.record.data.name == "shapes" else []
    )
    return Section(
        id="explanation",
        number=number,
        title=words("explanation.title"),
        blocks=(Paragraph(text=words("explanation.text")), *embedded, *fairness(context)),
        sections=(
            *context.sections("claims", number, "explanation", short),
            *context.sections("claims", number, "claims", by_group, start=2),
        ),
    )


def wording(context: Context, claim: Claim) -> Wording:
    """The claim's texts in the report's language."""
    return claim.wording(context.words.language)


def sentence(context: Context, claim: Claim, result: ClaimResult | None) -> Inline:
    """The sentence that fits the verdict: the claim, its opposite, or that it is undecided."""
    text = wording(context, claim)
    told = {"supported": text.supported, "contradicted": text.contradicted, "inconclusive": text.inconclusive}
    claimed = context.words("explanation.claimed", sentence=Inline(text.sentence))
    return Inline(told.get(result.verdict if result else "not_measured", claimed))


def in_short(
    context: Context, groups: Mapping[str, Sequence[Claim]], results: Mapping[str, ClaimResult]
) -> list[Block]:
    """A paragraph per group: what holds, where textbook and measurement differ, what is open."""
    words = context.words
    counts = {
        verdict: sum(result.verdict == verdict for result in results.values())
        for verdict in ("supported", "contradicted", "inconclusive", "confounded", "not_measured")
    }
    blocks: list[Block] = [Paragraph(text=words("explanation.counts", of=len(results), **counts))]
    for group, claims in groups.items():
        said = [words("explanation.of_group", group=words(f"claims.{group}"))]
        for verdict in ("supported", "contradicted"):
            said += [
                spoken(context, claim, results[claim.id])
                for claim in claims
                if claim.id in results and results[claim.id].verdict == verdict
            ]
        said += left_open(context, [results[claim.id] for claim in claims if claim.id in results])
        blocks.append(Paragraph(text=words.joined(said)))
    blocks.append(verdict_table(context, results))
    return blocks


def spoken(context: Context, claim: Claim, result: ClaimResult) -> Inline:
    """Puts a settled claim into a sentence with its number; a contradicted one also quotes the textbook."""
    return context.words(
        f"explanation.says_{result.verdict}",
        id=claim.id,
        textbook=Inline(wording(context, claim).sentence.rstrip("。.")),
        sentence=Inline(sentence(context, claim, result).rstrip("。.")),
        numbers=context.words.joined(numbers_of(context, result)),
    )


def left_open(context: Context, results: Sequence[ClaimResult]) -> list[Inline]:
    """Lists the claims that are inconclusive, withheld or not measured."""
    words = context.words
    return [
        words(f"explanation.left_{verdict}", ids=words.listed(ids))
        for verdict in ("inconclusive", "confounded", "not_measured")
        if (ids := [result.id for result in results if result.verdict == verdict])
    ]


def verdict_table(context: Context, results: Mapping[str, ClaimResult]) -> Table:
    """Tabulates all claims with their verdicts."""
    words = context.words
    return Table(
        kind="claims",
        columns=(Column(title=Inline("")), *context.columns("explanation", ("claim", "verdict", "rests_on"))),
        rows=tuple(
            (
                Inline(f"**{claim.id}**"),
                stated(context, claim),
                words(f"explanation.{results[claim.id].verdict if claim.id in results else 'not_measured'}"),
                rests_on(context, claim, results.get(claim.id)),
            )
            for claim in catalogue().values()
        ),
    )


def stated(context: Context, claim: Claim) -> Inline:
    """Name and sentence. Its texts are ours, so their marks mean something."""
    text = wording(context, claim)
    # GitHub does not end bold print after a full stop that a Chinese character follows
    name = f"**{text.name}**。" if context.words.language == "zh" else f"**{text.name}.** "
    return Inline(name + text.sentence)


def rests_on(context: Context, claim: Claim, result: ClaimResult | None) -> Inline:
    """The leading effect with its number of pairs, or what measuring it needs."""
    first = result.leading if result else None
    if first is None or first.effect is None:
        return context.words("explanation.why", needs=Inline(wording(context, claim).needs))
    return context.words("explanation.effect_of", effect=effect_cell(first), n=first.effect.n)


def group_blocks(
    context: Context, group: str, claims: Sequence[Claim], results: Mapping[str, ClaimResult]
) -> list[Block]:
    """The group's effects in one figure, then a card per claim."""
    there = [results[claim.id] for claim in claims if claim.id in results]
    blocks: list[Block] = list(forest_of(context, group, there))
    for claim in claims:
        blocks += card(context, claim, results.get(claim.id))
    return blocks


def card(context: Context, claim: Claim, result: ClaimResult | None) -> list[Block]:
    """A claim's sentence with its verdict and number, its quantities, and the small print."""
    words = context.words
    verdict = result.verdict if result else "not_measured"
    head = words(
        "explanation.card",
        id=claim.id,
        name=Inline(wording(context, claim).name),
        verdict=words(f"explanation.{verdict}"),
        sentence=sentence(context, claim, result),
    )
    if result is None or verdict == "not_measured":
        needs = words("explanation.why", needs=Inline(wording(context, claim).needs))
        return [Paragraph(text=words.joined([head, needs])), *(details(context, result) if result else [])]
    change = words("explanation.would_change", what=Inline(wording(context, claim).changes))
    return [
        Paragraph(text=words.joined([head, *numbers_of(context, result), change])),
        *parts_table(context, result),
        *details(context, result),
    ]


def fairness(context: Context) -> list[Note]:
    """A warning if the study has `resnet` and `se_resnet` and they differ in more than the gates."""
    cards = {
        summary.model: summary.network for summary in context.tables.summaries if summary.network is not None
    }
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
    """Whether the stem has a max-pool."""
    return any(layer.kind == "max-pool" for layer in anatomy_of(card).stem)


def side(card: NetworkCard) -> int | None:
    """The side of the first maps after the stem, in pixels."""
    maps = anatomy_of(card).maps
    return maps[0][-1] if maps else None
