"""Answers what a teacher asks about such a report: from this workspace's numbers, else from the reference's.

`viva_answers.py` and `viva_costs.py` have a function a question; it returns nothing where the records support
no answer. The first `ASKED` that have one are asked.
"""

from collections.abc import Callable
from itertools import islice

from skipscope.report.appendix import viva_answers, viva_costs
from skipscope.report.context import Context
from skipscope.report.document import Paragraph, Section
from skipscope.report.handin.prose import Prose, prose_of
from skipscope.report.statements import Statement
from skipscope.report.words import Inline

ASKED = 10
QUESTIONS: dict[str, Callable[[Prose], list[Statement]]] = {
    "single": viva_costs.single,
    "batchnorm": viva_answers.batchnorm,
    "projection": viva_costs.projection,
    "degradation": viva_answers.degradation,
    "dense": viva_costs.dense,
    "reduction": viva_costs.reduction,
    "unfair": viva_costs.unfair,
    "overfitting": viva_answers.overfitting,
    "seeds": viva_answers.seeds,
    "validation": viva_answers.validation,
    "concatenation": viva_costs.concatenation,
}
"""By their keys in the texts, in the order in which they are asked."""


def viva(context: Context) -> Section:
    """Builds the section of questions and answers."""
    words, prose = context.words, prose_of(context)
    answered = ((key, found) for key, answer in QUESTIONS.items() if (found := answer(prose)))
    blocks = [Paragraph(text=words("viva.intro"))]
    for number, (key, found) in enumerate(islice(answered, ASKED), start=1):
        blocks.append(Paragraph(text=Inline(f"**{number}. {words(f'viva.asked.{key}')}**")))
        blocks.append(prose.paragraph(*found))
    return context.section("viva", "viva", blocks)
