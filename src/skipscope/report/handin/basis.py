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
        told.append(prose.paragraph(prose.say("why.reference", studies=budgets(prose, studies))))
    return list(told)


def budgets(prose: Prose, studies: Iterable[str]) -> Inline:
    """Says how much studies of the reference trained: depth and fair (6,000 images, 3 epochs, 5 seeds)."""
    words = prose.context.words
    alike: dict[Inline, list[str]] = {}
    for name in studies:
        alike.setdefault(budget(prose, prose.evidence.reference[name]), []).append(name)
    groups = (
        words("why.study", studies=words.listed(list(map(code, names))), budget=spent)
        for spent, names in alike.items()
    )
    return Inline(words.raw("list.clause").join(groups))


def budget(prose: Prose, card: ReferenceCard) -> Inline:
    """Says how much a study trained: 6,000 images, 3 epochs, 5 seeds."""
    epochs = sorted({arm.epochs for arm in card.arms})
    seeds = sorted({len(arm.seeds) for arm in card.arms if arm.seeds})
    return prose.context.words(
        "why.budget" if card.fidelity == "exact" else "why.budget_of_a_copy",
        images=count(card.images),
        epochs="–".join(map(str, dict.fromkeys((epochs[0], epochs[-1])))),
        seeds="–".join(map(str, dict.fromkeys((seeds[0], seeds[-1])))),
    )
