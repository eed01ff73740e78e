"""The claims with their verdicts, and what makes a comparison unfair."""

from skipscope.claims.catalogue import Listed, catalogue
from skipscope.records.schema import NetworkCard
from skipscope.report.context import Context
from skipscope.report.document import Column, Note, Paragraph, Section, Table
from skipscope.report.words import Inline, short

CONFOUNDED = 1.05
"""Arithmetic that differs by more than this factor is a difference of its own."""


def explanation(context: Context, number: str) -> Section:
    """Fairness first, then the claims group by group."""
    words = context.words
    groups = dict.fromkeys(claim.group for claim in catalogue())
    parts = [
        Section(
            id=f"claims-{group}",
            number=f"{number}.{place}",
            title=words(f"claims.{group}"),
            blocks=(claim_table(context, [claim for claim in catalogue() if claim.group == group]),),
        )
        for place, group in enumerate(groups, start=1)
    ]
    return Section(
        id="explanation",
        number=number,
        title=words("explanation.title"),
        blocks=(Paragraph(text=words("explanation.text")), *fairness(context)),
        sections=tuple(parts),
    )


def claim_table(context: Context, claims: list[Listed]) -> Table:
    """Id, sentence, verdict and what is missing."""
    words = context.words
    return Table(
        kind="claims",
        columns=tuple(
            Column(title=title)
            for title in (
                Inline(""),
                words("explanation.claim"),
                words("explanation.verdict"),
                words("explanation.needs"),
            )
        ),
        rows=tuple(claim_row(context, claim) for claim in claims),
    )


def claim_row(context: Context, claim: Listed) -> tuple[str, ...]:
    """One claim. Its texts are ours, so their marks mean something."""
    wording = claim.wording(context.words.language)
    # GitHub does not end bold print after a full stop that a Chinese character follows
    stated = f"**{wording.name}**。" if context.words.language == "zh" else f"**{wording.name}.** "
    return (
        Inline(f"**{claim.id}**"),
        Inline(stated + wording.sentence),
        context.words(f"explanation.{claim.verdict}"),
        context.words("explanation.why", needs=Inline(wording.needs)),
    )


def fairness(context: Context) -> list[Note]:
    """A warning where `resnet` and `se_resnet` are both there and differ in more than the gate."""
    cards = {
        summary.model: summary.network for summary in context.tables.summaries if summary.network is not None
    }
    plain, gated = cards.get("resnet"), cards.get("se_resnet")
    if plain is None or gated is None or gated.macs <= CONFOUNDED * plain.macs:
        return []
    what = Inline(context.words.raw("list.clause").join(differences(context, plain, gated)))
    return [Note(text=context.words("fairness.warning", what=what), kind="warning")]


def differences(context: Context, plain: NetworkCard, gated: NetworkCard) -> list[Inline]:
    """What the two networks differ in, read off their records."""
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
    """Whether there is a max-pool between the network's stages."""
    return any(stage.kind == "MaxPool2d" for stage in card.stages)


def side(card: NetworkCard) -> int | None:
    """The side of the maps of the first stage of blocks."""
    return next((stage.shape[-1] for stage in card.stages if stage.name == "layer1"), None)
