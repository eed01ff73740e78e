"""Claims with their verdicts, as a notebook shows them."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pydantic import Field

from skipscope.analysis.tables import StudyTables
from skipscope.api.curves import context_of
from skipscope.api.shown import Shown
from skipscope.claims.evaluate import evaluate
from skipscope.claims.model import ClaimResult
from skipscope.report.appendix.explanation import card, verdict_table
from skipscope.report.context import Context
from skipscope.report.document import Block, Note


class Claim(ClaimResult, Shown):
    """A claim's verdict and everything it rests on."""

    context: Any = Field(exclude=True, repr=False)

    @classmethod
    def of(cls, result: ClaimResult, context: Context) -> "Claim":
        """Makes a claim of its result."""
        return cls.model_construct(result.model_fields_set, **dict(result), context=context)

    def blocks(self) -> Iterable[Block]:
        """Builds its sentence with verdict and number, its quantities, and the small print."""
        return card(self.context, self)


class Claims(dict[str, Claim], Shown):
    """All claims by their ids."""

    def __init__(self, tables: StudyTables, lang: str) -> None:
        results = evaluate(tables)
        self.context = replace(context_of(tables, lang), results=results)
        super().__init__((result.id, Claim.of(result, self.context)) for result in results)

    def __repr__(self) -> str:
        """Names each claim's verdict."""
        return f"Claims({', '.join(f'{id}: {claim.verdict}' for id, claim in self.items())})"

    def blocks(self) -> Iterable[Block]:
        """Builds the table of verdicts."""
        if self.context.tables.record.data.name == "shapes":
            yield Note(text=self.context.words("explanation.embedded"))
        yield verdict_table(self.context)
