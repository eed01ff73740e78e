"""Says what the marks of the explanation mean, which studies it rests on, and where they disagree."""

import re
from collections.abc import Iterable, Sequence

from skipscope.claims.catalogue import catalogue
from skipscope.reference.card import ReferenceCard
from skipscope.reference.shipped import batch_size
from skipscope.report.document import Block, Column, Table
from skipscope.report.handin.prose import Prose
from skipscope.report.statements import Statement
from skipscope.report.words import Inline, code, count, decimal, literal

NAMED_BY_DEPTH = re.compile(r"\d")
"""What the matched networks have in their names, such as `plain56`; those of the assignment have none."""


def introduction(prose: Prose) -> list[Block]:
    """Writes what stands before the explanation: what marks mean, and the studies of the reference."""
    marks = prose.paragraph(prose.say("why.marks"))
    if not (studies := list(prose.evidence.reference)):
        return [marks]
    table = budgets(prose, studies)
    key = "reference_copies" if copied(prose, studies) else "reference"
    said = prose.say(f"why.{key}", table=prose.table(table))
    return [marks, prose.paragraph(said, *clipping(prose, studies)), table]


def clipping(prose: Prose, studies: Iterable[str]) -> list[Statement]:
    """Says which networks of these studies were trained without gradient clipping, if others were with it."""
    arms = [arm for name in studies for arm in prose.evidence.reference[name].arms]
    free = {arm.arm for arm in arms if arm.clip_norm is None}
    clipped = {arm.arm for arm in arms if arm.clip_norm is not None}
    if not clipped:
        return [prose.say("why.unclipped")]
    if not free or any(map(NAMED_BY_DEPTH.search, clipped)) or not all(map(NAMED_BY_DEPTH.search, free)):
        return []
    return [prose.say("why.clipped")]


def budgets(prose: Prose, studies: Sequence[str]) -> Table:
    """Tabulates what studies of the reference are about and how much they trained.

    Where only some used copies of CIFAR-10 that are not exact, those are marked.
    """
    words, cards = prose.context.words, [prose.evidence.reference[name] for name in studies]
    mark = not copied(prose, studies)
    titles = words.raw("why.titles")
    columns = tuple(
        Column(title=Inline(title), align="right" if n > 1 else "left") for n, title in enumerate(titles)
    )
    rows, start = [], most_before_training(prose)
    for card in cards:
        about = words(f"why.about.{card.study}")
        if mark and card.fidelity != "exact":
            about = words("why.of_a_copy", about=about)
        rows.append((code(card.study), about, *spent(card).values()))
    return prose.context.tabled(
        Table(columns=columns, rows=tuple(rows), caption=words("why.caption_studies", start=start))
    )


def most_before_training(prose: Prose) -> int:
    """Counts the networks measured before training: those cost little, so there are more."""
    pieces = (
        piece for claim in catalogue() for body in prose.evidence.bodies(claim) for piece in body.pieces
    )
    found = (
        piece.effect.n
        for piece in pieces
        if piece.basis == "reference" and catalogue()[piece.claim].parts[piece.finding.part].at_init
    )
    return max(found, default=0)


def spent(card: ReferenceCard) -> dict[str, Inline]:
    """Tells how much a study trained: images, batch size, epochs, peak learning rates, seeds."""
    ends: dict[str, list[float]] = {
        "epochs": [float(arm.epochs) for arm in card.arms],
        "rates": [arm.learning_rate for arm in card.arms],
        "seeds": [float(len(arm.seeds)) for arm in card.arms if arm.seeds],
    }
    size = {"images": literal(count(card.images)), "batch": literal(count(batch_size(card.study)))}
    return size | {key: literal("–".join(map(decimal, span(each)))) for key, each in ends.items()}


def span(values: Iterable[float]) -> tuple[float, ...]:
    """Returns the lowest and the highest value, once where they are equal."""
    found = sorted(values)
    return tuple(dict.fromkeys((found[0], found[-1])))


def copied(prose: Prose, studies: Iterable[str]) -> bool:
    """Whether all of these studies used copies of CIFAR-10 that are not exact."""
    return all(prose.evidence.reference[name].fidelity != "exact" for name in studies)


def disagreements(prose: Prose, *claims: str) -> list[Statement]:
    """Says where this workspace and the reference settle a claim differently, and what each trained."""
    said, words = [], prose.context.words
    for claim in claims:
        if (found := prose.evidence.disagreement(claim)) is None:
            continue
        told: dict[str, object] = {"claim": catalogue()[claim].wording(words.language).name}
        for who, body in zip(("own", "reference"), found, strict=True):
            images, epochs = prose.evidence.budget(body)
            told |= {f"{who}_images": count(images), f"{who}_epochs": epochs}
        said.append(prose.say("handin.disagree", *(body.source for body in found), **told))
    return said
