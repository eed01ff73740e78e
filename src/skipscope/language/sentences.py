"""Says English sentences in Chinese, by the catalogue in `zh/*.toml`.

A line of the catalogue is a sentence as the code writes it, with its values in braces, and its Chinese:

    "There is no {kind} {name}.{guess}" = "没有名为 {name} 的{kind:t}。{guess:t}"

The names of values are the catalogue's own. Where a value could be mistaken, its kind says what it may be
(`VALUES`): `{n:d}` is a number. In the Chinese, `{kind:t}` is translated in its turn.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from string import Formatter

HOLE = re.compile(r"\{(?P<name>\w*)(?::(?P<kind>[cdknqsw]))?\}")
"""A value in a sentence of the catalogue."""
VALUES = {
    None: "(?:(?!; ).)*?",  # up to a semicolon: there another sentence may begin
    "c": "[^,;]*",  # a clause
    "d": r"[-+−]?\d[\d.,:]*(?:e[-+]?\d+)?%?",  # a number
    "k": r"(?!known\b)[a-z_][\w.]*",  # a study's key
    "n": "[^;:]*",  # a list of names
    "q": "'[^']*'|\"[^\"]*\"",  # in quotes
    "s": ".*?",  # sentences
    "w": r"\S+",  # a word
}
"""What may stand where a value does, by its kind."""


class _Chinese(Formatter):
    """Translates the values that are marked with `t`."""

    def format_field(self, value: object, format_spec: str) -> str:
        return chinese(str(value).strip()) if format_spec == "t" else str(value)


_CHINESE = _Chinese()


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """A sentence with values, in both languages."""

    english: str
    chinese: str

    @cached_property
    def literals(self) -> tuple[str, ...]:
        """The English between the values."""
        return tuple(HOLE.sub("\0", self.english).split("\0"))

    @cached_property
    def runs_on(self) -> bool:
        """Whether it goes on behind a semicolon."""
        return any(hole["kind"] == "s" for hole in HOLE.finditer(self.english))

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Finds the values in a sentence that was made from this one."""
        kinds = [f"(?P<{hole['name']}>{VALUES[hole['kind']]})" for hole in HOLE.finditer(self.english)]
        pieces = map(re.escape, self.literals)
        return re.compile("".join(piece for pair in zip(pieces, [*kinds, ""], strict=True) for piece in pair))

    def said(self, text: str) -> str | None:
        """Says a text in Chinese if it was made from this sentence, else returns None."""
        if not all(literal in text for literal in self.literals):  # most are ruled out by this alone
            return None
        found = self.pattern.fullmatch(text)
        return None if found is None else _CHINESE.vformat(self.chinese, (), found.groupdict())


class Sentences:
    """The catalogue: whole sentences, and those with values."""

    def __init__(self) -> None:
        """Reads `zh/*.toml`."""
        self.table: dict[str, str] = {}
        for file in sorted((Path(__file__).parent / "zh").glob("*.toml")):
            self.table |= tomllib.loads(file.read_text(encoding="utf-8"))
        with_values = (Sentence(english=key, chinese=said) for key, said in self.table.items() if "{" in key)
        # of two that fit, the one that says more by itself is meant
        self.with_values = sorted(with_values, key=lambda each: -sum(map(len, each.literals)))

    def said(self, line: str) -> str:
        """Says one line in Chinese; returns it as it is if the catalogue does not have it."""
        bare = line.strip()
        return line.replace(bare, self._sentence(bare) or self._listed(bare.split("; ")), 1)

    def _sentence(self, text: str, *, alone: bool = True) -> str | None:
        """Says a sentence in Chinese; one that is not `alone` ends at a semicolon."""
        if text in self.table:
            return self.table[text]
        said = (each.said(text) for each in self.with_values if alone or not each.runs_on)
        return next((each for each in said if each is not None), None)

    def _listed(self, parts: list[str]) -> str:
        """Says sentences with semicolons between them; some have one within."""
        for end in range(1, len(parts)):
            first, rest = "; ".join(parts[:end]), "; ".join(parts[end:])
            if said := self._sentence(first, alone=False):
                return f"{said}；{chinese(rest)}"
        rest = "; ".join(parts[1:])
        return "; ".join(parts) if chinese(rest) == rest else f"{parts[0]}；{chinese(rest)}"


@cache
def sentences() -> Sentences:
    """Reads the catalogue when a sentence is first asked for."""
    return Sentences()


@lru_cache(maxsize=4096)
def chinese(text: str) -> str:
    """Says a text in Chinese, line by line."""
    return "\n".join(sentences().said(line) if line.strip() else line for line in text.split("\n"))
