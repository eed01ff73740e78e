"""Says once what the marks of the explanation mean, and which studies of the reference it rests on."""

from collections.abc import Iterable

from skipscope.reference.card import ReferenceCard
from skipscope.report.document import Block, Paragraph
from skipscope.report.handin.prose import Prose
from skipscope.report.words import Inline, code, count


def introduction(prose: Prose, blocks: Iterable[Block]) -> list[Block]:
    """Writes what stands before the explanation that these blocks are."""
    paragraphs = (block for block in blocks if isinstance(block, Paragraph))
    sources = (source for each in paragraphs for told in each.statements for source in told.sources)
    studies = sorted({source.study for source in sources if source.basis == "reference"})
    told = [prose.paragraph(prose.say("why.marks"))]
    if studies:
        listed = prose.context.words.listed(
            [budget(prose, prose.evidence.reference[name]) for name in studies]
        )
        told.append(prose.paragraph(prose.say("why.reference", studies=listed)))
    return list(told)


def budget(prose: Prose, card: ReferenceCard) -> Inline:
    """Says how much a study of the reference trained: depth (6,000 images, 3 epochs, 5 seeds)."""
    words = prose.context.words
    epochs = sorted({arm.epochs for arm in card.arms})
    seeds = sorted({len(arm.seeds) for arm in card.arms if arm.seeds})
    return words(
        "why.study" if card.fidelity == "exact" else "why.study_of_a_copy",
        study=code(card.study),
        images=count(card.images),
        epochs="–".join(map(str, dict.fromkeys((epochs[0], epochs[-1])))),
        seeds="–".join(map(str, dict.fromkeys((seeds[0], seeds[-1])))),
    )
