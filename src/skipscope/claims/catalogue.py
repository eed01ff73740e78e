"""The list of claims: what each says, to which group it belongs and what measuring it takes."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal

from skipscope.spec import Frozen

Group = Literal["shortcuts", "concatenation", "gates", "course"]
Verdict = Literal["supported", "contradicted", "inconclusive", "not_measured"]


class Wording(Frozen):
    """A claim in one language."""

    name: str
    sentence: str
    needs: str


class Listed(Frozen):
    """One claim of the catalogue."""

    id: str
    group: Group
    en: Wording
    zh: Wording
    verdict: Verdict = "not_measured"

    def wording(self, language: Literal["en", "zh"]) -> Wording:
        """The claim in `language`."""
        return self.zh if language == "zh" else self.en


@cache
def catalogue() -> tuple[Listed, ...]:
    """Every claim, group by group, in the order of its number."""
    text = (files("skipscope.claims") / "catalogue.toml").read_text(encoding="utf-8")
    return tuple(Listed.model_validate(claim) for claim in tomllib.loads(text)["claim"])
