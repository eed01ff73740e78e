"""Writes statements into paragraphs with marks of what they rest on; rounds numbers to what they carry.

    prose = Prose(context=context, evidence=evidence)
    prose.paragraph(
        prose.say("handin.residual.mechanism"),
        prose.say("handin.residual.start", piece.source, times=prose.times(piece)),
    )

A mark stands before the full stop of its statement, as a reference does. Statements in a row that rest on
the same kinds of evidence are marked once, at the last of them, with the claims of all; what is said between
two of them and rests on nothing of its own is in the row. Where a statement names a work by author and year,
the year leads to it, and no mark repeats that.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from math import floor, inf, isfinite, log10

from skipscope.claims.catalogue import catalogue
from skipscope.report.context import Context
from skipscope.report.document import Block, Paragraph, Shown, Table
from skipscope.report.handin.evidence import Evidence
from skipscope.report.handin.pieces import Level, Piece
from skipscope.report.handin.references import Work, works
from skipscope.report.statements import Source, Statement
from skipscope.report.words import NBSP, Inline, code, literal, rounded

MOST_DIGITS = 3
"""After the decimal point: nothing here is measured more finely."""


@dataclass(frozen=True, kw_only=True)
class Prose:
    """Writes one hand-in."""

    context: Context
    evidence: Evidence
    coded: bool = True
    """Whether marks tell the claims' codes."""

    def say(self, key: str, *sources: Source, **values: object) -> Statement:
        """Writes the text `key` with its values filled in, as a statement that rests on these sources."""
        numbers = tuple(str(value) for value in values.values() if any(map(str.isdigit, str(value))))
        text = self.context.words(key, **values)
        for source in sources:
            if source.basis == "known":
                text = cited(text, works()[source.key])
        return Statement(text=text, sources=sources, numbers=numbers)

    def paragraph(self, *statements: Statement | None) -> Paragraph:
        """Joins statements; those that are None are left out, and a row on one basis is marked once."""
        told = [each for each in statements if each is not None]
        pieces: list[Inline] = []
        for row in rows(told):
            mark = self.mark(source for each in row for source in unnamed(each))
            pieces += [*(each.text for each in row[:-1]), _marked(row[-1].text, mark)]
        return Paragraph(text=self.context.words.joined(pieces), statements=tuple(told))

    def paragraphs(self, *told: Iterable[Statement | None]) -> list[Block]:
        """Makes a paragraph of each group of statements; groups without any are left out."""
        groups = [[each for each in group if each is not None] for group in told]
        return [self.paragraph(*group) for group in groups if group]

    def mark(self, sources: Iterable[Source]) -> Inline:
        """Writes the mark of these sources: [reference, S1, S3]; empty where there is none."""
        by_basis: dict[str, dict[str, None]] = {}
        for source in sources:
            by_basis.setdefault(source.basis, {})[source.key] = None
        words = self.context.words
        told = [self._basis(basis, list(keys)) for basis, keys in by_basis.items()]
        if not told:
            return Inline("")
        return Inline(words.raw("handin.mark.around").format(words.raw("handin.mark.semicolon").join(told)))

    def _basis(self, basis: str, keys: Sequence[str]) -> str:
        """Writes one basis with its claims; literature leads to the work, or to the list of several."""
        words = self.context.words
        name = words(f"handin.mark.{basis}")
        if basis == "known":
            return f"[{name}](#{f'work-{keys[0]}' if len(keys) == 1 else 'references'})"
        claims = [f"[{key}](#claim-{key})" for key in keys if self._is_claim(key)]
        if claims and not self.coded:
            return f"[{name}](#claim-{next(filter(self._is_claim, keys))})"
        return str(words.raw("handin.mark.comma").join([name, *claims]))

    def cards(self, sources: Iterable[Source], blocks: Iterable[Block]) -> Inline:
        """Names the claims of these sources and blocks, whose cards are there: [appendix: S1, S3]."""
        said = (each for block in blocks for each in getattr(block, "statements", ()))
        found = {source.key for source in chain(sources, *(each.sources for each in said))}
        return self.codes(id for id in catalogue() if id in found)

    def codes(self, claims: Iterable[str]) -> Inline:
        """Writes a mark that leads to the cards of these claims; empty without any."""
        words = self.context.words
        links = words.raw("handin.mark.comma").join(f"[{key}](#claim-{key})" for key in claims)
        cards = words.raw("handin.mark.cards").format(links)
        return Inline(words.raw("handin.mark.around").format(cards) if links else "")

    def figure(self, block: Shown) -> Inline:
        """Refers to a figure by its number."""
        return self.context.words("page.figure_ref", number=block.number)

    def table(self, block: Table) -> Inline:
        """Refers to a table by its number."""
        return self.context.words("page.table_ref", number=block.number)

    def times(self, piece: Piece | Level) -> Inline:
        """Writes what is a logarithm of a ratio as a factor with its interval: 8.6 [8.2, 9.1]."""
        base = 2.0 if isinstance(piece, Piece) and piece.effect.unit == "log2" else 10.0
        value, low, high = (base**number for number in _ends(piece))
        if not (isfinite(low) and isfinite(high)) or low == high:
            return literal(rounded(value))
        return Inline(f"{rounded(value)} \\[{rounded(low)},{NBSP}{rounded(high)}\\]")

    def inverse(self, piece: Piece) -> Inline:
        """Writes how many times less: 280 [230, 330] where the factor is 0.0036 [0.0030, 0.0044]."""
        effect = piece.effect
        turned = {"estimate": -effect.estimate, "adjusted_low": None, "adjusted_high": None}
        if ends := effect.interval:
            turned |= {"low": -ends[1], "high": -ends[0]}
        finding = piece.finding.model_copy(update={"effect": effect.model_copy(update=turned)})
        return self.times(replace(piece, finding=finding))

    def number(self, piece: Piece | Level) -> Inline:
        """Writes an estimate with its interval, in its unit, without a sign."""
        return bracketed(*_ends(piece))

    def percent(self, level: Level) -> Inline:
        """Writes a percentage with its interval: 57.7% [57.0, 58.4]."""
        value, bracket, ends = self.number(level).partition(" \\[")
        return Inline(f"{value}%{bracket}{ends}")

    def change(self, piece: Piece | Level) -> Inline:
        """Writes a difference with its interval and signs: +4.7 [+1.6, +7.9]."""
        return bracketed(*_ends(piece), signs=True)

    def moved(self, piece: Piece) -> Inline:
        """Writes which way a quantity goes: rises by 4.7 [1.6, 7.9]; changes by +0.1 [−0.3, +0.5] if open."""
        value, low, high = _ends(piece)
        if low > 0:
            return self.context.words("handin.rises", change=bracketed(value, low, high))
        if high < 0:
            return self.context.words("handin.falls", change=bracketed(-value, -high, -low))
        return self.context.words("handin.changes", change=self.change(piece))

    def effect(self, piece: Piece) -> Inline:
        """Writes an effect as its unit wants it: as a factor, in per cent, or as a difference."""
        match piece.effect.unit:
            case "log2" | "log10":
                return self.times(piece)
            case "per cent":
                sign = "+" if piece.effect.estimate > 0 else "−"
                return literal(f"{sign}{rounded(abs(piece.effect.estimate))}%")
            case _:
                return self.change(piece)

    def fewer(self, piece: Piece) -> Inline:
        """Writes by how many points a share is less: 61 [49, 72] where its change is -0.61 [-0.72, -0.49]."""
        value, low, high = (-100 * end for end in _ends(piece))
        return bracketed(value, high, low)

    def networks(self, piece: Piece, *, turned: bool = False) -> Inline:
        """Names the networks that are compared: `a` against `b`; the other way round where turned."""
        words = self.context.words
        named = [
            [code(arm) for arm in pair.split(" - ")[:: -1 if turned else 1]]
            for pair in piece.finding.comparison.split(", ")
        ]
        told = (
            words("handin.pair", one=pair[0], other=pair[1]) if len(pair) == 2 else pair[0] for pair in named
        )
        return Inline(words.raw("list.comma").join(told))

    @staticmethod
    def _is_claim(key: str) -> bool:
        return key[:1] in "SDET" and key[1:2].isdigit()


def prose_of(context: Context) -> Prose:
    """Returns what the chapters of this hand-in are written with."""
    return Prose(context=context, evidence=context.evidence)


def cited(text: Inline, work: Work) -> Inline:
    """Lets the year behind the author's name, where a text has both, lead to the work."""
    family = re.escape(work.authors[0].partition(",")[0])
    year = re.compile(rf"({family}\b[^\d\[\]]*)\b({work.year})\b")
    return Inline(year.sub(rf"\1[\2](#work-{work.key})", text, count=1))


def unnamed(statement: Statement) -> list[Source]:
    """Returns the sources that a mark has to tell: those that the text does not cite itself."""
    return [source for source in statement.sources if f"(#work-{source.key})" not in statement.text]


def rows(told: Sequence[Statement]) -> list[list[Statement]]:
    """Splits statements where what they rest on changes: own runs, the reference, a count, a work."""
    found: list[list[Statement]] = []
    before = frozenset[str]()
    for at, each in enumerate(told):
        basis = _kinds(each)
        following = next(filter(None, map(_kinds, told[at:])), frozenset())
        if found and before == (basis or following):
            found[-1].append(each)
        else:
            found.append([each])
            before = basis
    return found


def _kinds(statement: Statement) -> frozenset[str]:
    """Returns the kinds of evidence that a mark has to tell."""
    return frozenset(source.basis for source in unnamed(statement))


def _marked(text: Inline, mark: Inline) -> Inline:
    """Puts a mark before the full stop that ends a text, behind its bold print."""
    stop = text[-1:] if text[-1:] in (".", "。") else ""
    told = text.removesuffix(stop)
    # a wide bracket brings the space that a mark begins with
    return Inline(told + (mark.lstrip() if told.endswith("）") else mark) + stop)


def _ends(piece: Piece | Level) -> tuple[float, float, float]:
    """Returns estimate and the ends of its interval, infinite where none is known."""
    if isinstance(piece, Piece):
        low, high = piece.effect.interval or (-inf, inf)
        return (
            piece.effect.estimate,
            *((piece.effect.estimate,) * 2 if piece.finding.exact else (low, high)),
        )
    found = piece.estimate
    return (piece.median, -inf, inf) if found is None else (found.value, found.low, found.high)


def bracketed(value: float, low: float, high: float, *, signs: bool = False) -> Inline:
    """Writes a value with its interval: 28 [21, 35]; alone where the interval is unknown or has no width."""
    if not (isfinite(low) and isfinite(high)):
        return literal(_written(value, _digits(abs(value) / 20), signs=signs))
    digits = _digits((high - low) / 2 or abs(value) / 20)
    shown = [_written(each, digits, signs=signs) for each in (value, low, high)]
    return (
        literal(shown[0]) if low == high else Inline(f"{literal(shown[0])} \\[{shown[1]},{NBSP}{shown[2]}\\]")
    )


def _digits(half_width: float) -> int:
    """Returns the decimals that an interval carries: one digit of its half-width, two if that is below 5."""
    if half_width <= 0:
        return 0
    power = floor(log10(half_width))
    first = half_width / 10**power
    return min(MOST_DIGITS, (1 if first < 5 else 0) - power)


def _written(number: float, digits: int, *, signs: bool) -> str:
    """Writes a number to this many decimals; fewer than none round to tens and hundreds."""
    nearest = round(number, digits) + 0.0  # no negative zero
    sign = "+" if signs and nearest > 0 else ""
    return f"{sign}{nearest:,.{max(0, digits)}f}".replace("-", "−")
