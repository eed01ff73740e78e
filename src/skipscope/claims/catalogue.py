"""The list of claims: what each says, to which group it belongs, and what is measured for it."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from skipscope.claims.model import Claim, Direction, Group, Part, Verdict
from skipscope.spec.values import Frozen

Language = Literal["en", "zh"]


class Wording(Frozen):
    """A claim in one language."""

    name: str
    sentence: str
    needs: str
    supported: str
    contradicted: str
    inconclusive: str
    changes: str
    """What would change the verdict."""


class PartWording(Frozen):
    """A part of a claim in one language: what is measured, and why its bound is worth having."""

    name: str
    reason: str
    supported: str = ""
    """What of a control is told beside its claim's sentence, where it comes out so."""
    contradicted: str = ""


class ListedPart(Frozen):
    """One part of a claim, as `parts.toml` has it."""

    claim: str
    id: str
    unit: str
    direction: Direction
    bound: float
    counts: bool = True
    exact: bool = False
    en: PartWording
    zh: PartWording

    def wording(self, language: Language) -> PartWording:
        """The part in `language`."""
        return self.zh if language == "zh" else self.en

    @property
    def part(self) -> Part:
        """Without its words."""
        return Part.model_validate(self.model_dump(include=set(Part.model_fields)))


class Listed(Frozen):
    """One claim of the catalogue."""

    id: str
    group: Group
    needs: Literal["all", "any"] = "all"
    en: Wording
    zh: Wording
    part: tuple[ListedPart, ...] = ()
    verdict: Verdict = "not_measured"

    def wording(self, language: Language) -> Wording:
        """The claim in `language`."""
        return self.zh if language == "zh" else self.en

    @property
    def claim(self) -> Claim:
        """Without its words, as it is judged."""
        parts = tuple(each.part for each in self.part)
        return Claim(id=self.id, group=self.group, needs=self.needs, part=parts)


@cache
def catalogue() -> tuple[Listed, ...]:
    """Every claim, group by group, in the order of its number."""
    parts = [ListedPart.model_validate(part) for part in _table("parts.toml")["part"]]
    claims = [Listed.model_validate(claim) for claim in _table("catalogue.toml")["claim"]]
    return tuple(
        claim.model_copy(update={"part": tuple(part for part in parts if part.claim == claim.id)})
        for claim in claims
    )


def part_of(claim: str, part: str) -> ListedPart:
    """A part by its claim's id and its own.

    Raises:
        KeyError: there is none.
    """
    found = {(listed.id, each.id): each for listed in catalogue() for each in listed.part}
    return found[claim, part]


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads((files("skipscope.claims") / name).read_text(encoding="utf-8"))
