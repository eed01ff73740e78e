"""Says what the marks of the explanation mean, which studies it rests on, and where they disagree."""

import re
from collections.abc import Iterable

from skipscope.claims.catalogue import catalogue
from skipscope.reference.card import ReferenceCard
from skipscope.reference.shipped import batch_size
from skipscope.report.document import Block, Paragraph
from skipscope.report.handin.prose import Prose
from skipscope.report.statements import Statement
from skipscope.report.words import Inline, code, count

NAMED_BY_DEPTH = re.compile(r"\d")
"""What the matched networks have in their names, such as `plain56`; those of the assignment have none."""


def introduction(prose: Prose, blocks: Iterable[Block]) -> list[Block]:
    """Writes what stands before the explanation that these blocks are."""
    paragraphs = (block for block in blocks if isinstance(block, Paragraph))
    sources = (source for each in paragraphs for told in each.statements for source in told.sources)
    studies = sorted({source.study for source in sources if source.basis == "reference"})
    told = [prose.paragraph(prose.say("why.marks"))]
    if studies:
        key = "reference_copies" if copied(prose, studies) else "reference"
        said = prose.say(f"why.{key}", studies=budgets(prose, studies))
        told.append(prose.paragraph(said, *clipping(prose, studies)))
    return list(told)


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


def budgets(prose: Prose, studies: Iterable[str]) -> Inline:
    """Says what studies of the reference are about and how much they trained.

    Of those with one budget: `depth` (networks of growing depth) and `fair` (...): 6,000 images, 3 epochs.
    """
    words, alike, asked = prose.context.words, dict[Inline, list[str]](), list(studies)
    one_kind = copied(prose, asked)
    for name in asked:
        spent = budget(prose, prose.evidence.reference[name], told=one_kind)
        alike.setdefault(spent, []).append(name)
    groups = (
        words("why.study", studies=words.listed([subject(prose, name) for name in names]), budget=spent)
        for spent, names in alike.items()
    )
    return Inline(words.raw("list.clause").join(groups))


def subject(prose: Prose, name: str) -> Inline:
    """Names a study and, in brackets, what it compares."""
    return prose.context.words(
        "why.subject", study=code(name), about=prose.context.words(f"why.about.{name}")
    )


def copied(prose: Prose, studies: Iterable[str]) -> bool:
    """Whether all of these studies used copies of CIFAR-10 that are not exact."""
    return all(prose.evidence.reference[name].fidelity != "exact" for name in studies)


def budget(prose: Prose, card: ReferenceCard, *, told: bool = False) -> Inline:
    """Says how much a study trained: 6,000 images, 3 epochs, 5 seeds; `told` is that they are a copy's."""
    epochs = sorted({arm.epochs for arm in card.arms})
    seeds = sorted({len(arm.seeds) for arm in card.arms if arm.seeds})
    rates = sorted({arm.learning_rate for arm in card.arms})
    return prose.context.words(
        "why.budget" if told or card.fidelity == "exact" else "why.budget_of_a_copy",
        images=count(card.images),
        epochs="–".join(map(str, dict.fromkeys((epochs[0], epochs[-1])))),
        seeds="–".join(map(str, dict.fromkeys((seeds[0], seeds[-1])))),
        batch=batch_size(card.study),
        rates="–".join(f"{rate:g}" for rate in dict.fromkeys((rates[0], rates[-1]))),
    )


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
