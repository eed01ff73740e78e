"""Asks the reader about this workspace's results, where there is no analysis yet."""

from collections.abc import Iterator
from itertools import chain, islice

from skipscope.claims.catalogue import catalogue
from skipscope.claims.model import ClaimResult, Verdict
from skipscope.report.appendix.results import gaps, ranked
from skipscope.report.context import Context
from skipscope.report.document import Block, Items, Note, Paragraph
from skipscope.report.words import Inline, code, percent

ASKED = 3
FIRST = {"E3": 0, "D3": 1}
"""Claims on the accuracy of the assignment's networks."""
GENERAL = ("surprise", "doubt", "hour")


def prompts(context: Context) -> tuple[Block, ...]:
    """Asks three questions, those first that only this workspace's results can answer.

    On paper, which the teacher reads, there is room for the answers in place of a command of this machine.
    """
    words = context.words
    general = (words(f"notes.{key}") for key in GENERAL)
    asked = islice(chain(_specific(context), general), ASKED)
    items = tuple((Paragraph(text=question),) for question in asked)
    how = words("notes.how", command=context.command("skipscope report --notes notes.md"))
    return (
        Paragraph(text=words("notes.intro")),
        Items(items=items, first=1),
        Note(text=how, kind="quiet", on="page"),
        Note(text=words("notes.here"), kind="blank", on="paper"),
    )


def _specific(context: Context) -> Iterator[Inline]:
    """Yields a question each about a surprise, a comparison that settles nothing, a gap, and a price."""
    yield from islice(chain(_contradicted(context), _order(context)), 1)
    yield from islice(_open(context), 1)
    yield from _gap(context)
    yield from _price(context)


def _contradicted(context: Context) -> Iterator[Inline]:
    for result in _with(context, "contradicted"):
        yield context.words("notes.contradicted", id=result.id, sentence=_sentence(context, result))


def _order(context: Context) -> Iterator[Inline]:
    order = ranked(context, "test_accuracy")
    if len(order) > 1:
        (best, top), (last, bottom) = order[0], order[-1]
        told = {"best": code(best.arm), "top": percent(top.mean)}
        yield context.words("notes.order", **told, last=code(last.arm), bottom=percent(bottom.mean))


def _open(context: Context) -> Iterator[Inline]:
    """Asks first about what the assignment's networks are compared in."""
    for verdict in ("confounded", "inconclusive"):
        for result in sorted(_with(context, verdict), key=lambda each: FIRST.get(each.id, len(FIRST))):
            yield context.words(f"notes.{verdict}", id=result.id, sentence=_sentence(context, result))


def _gap(context: Context) -> Iterator[Inline]:
    """Asks about the network whose training accuracy is furthest above its validation accuracy."""
    found = {arm: 100 * (trained - validated) for arm, (trained, validated) in gaps(context).items()}
    if len(found) > 1 and max(found.values()) > 0:
        widest = max(found, key=found.__getitem__)
        yield context.words("notes.gap", arm=code(widest), gap=f"{found[widest]:.1f}")


def _price(context: Context) -> Iterator[Inline]:
    """Asks whether the best network is worth its arithmetic, where the next computes less."""
    order = [(summary, spread) for summary, spread in ranked(context, "test_accuracy") if summary.network]
    if len(order) < 2:
        return
    (best, top), (second, next_to_it) = order[:2]
    if best.network and second.network and best.network.macs > second.network.macs:
        told = {"best": code(best.arm), "second": code(second.arm)}
        points = f"{100 * (top.mean - next_to_it.mean):.1f}"
        ratio = f"{best.network.macs / second.network.macs:.1f}"
        yield context.words("notes.price", **told, points=points, ratio=ratio)


def _with(context: Context, verdict: Verdict) -> list[ClaimResult]:
    return [result for result in context.results if result.verdict == verdict]


def _sentence(context: Context, result: ClaimResult) -> Inline:
    return Inline(catalogue()[result.id].wording(context.words.language).sentence.rstrip("。."))
