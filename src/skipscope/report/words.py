"""Looks up a language's texts by key, and formats every number in one way.

Texts are `Inline`: Markdown's `**bold**`, `` `code` ``, `$mathematics$` in TeX, `[links](#within)`,
backslash escapes, ⟦marks⟧ of what a statement rests on, and nothing else. A value that is put into a text is
escaped unless it is `Inline` already, so a name can never become markup.
"""

import math
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from html import escape, unescape
from importlib.resources import files
from string import Formatter
from typing import Any
from unicodedata import east_asian_width

from skipscope.language import Language

NBSP = "\u00a0"
NO_FORMULAS: Mapping[str, str] = {}
NO_LINKS: Mapping[str, str] = {}


class Inline(str):
    """A piece of text in which Markdown's inline marks have a meaning."""

    __slots__ = ()


def literal(text: str) -> Inline:
    """`text` with its Markdown escaped."""
    return Inline(re.sub(r"([\\`*_<>\[\]|&#~$⟦⟧])", r"\\\1", text))


def code(text: str) -> Inline:
    """`text` as a code span; backticks become apostrophes, since one would end it."""
    return Inline("`" + text.replace("`", "'").replace("\n", " ") + "`")


MARKS = re.compile(
    r"\\(?P<escaped>.)|`(?P<code>[^`]*)`|\$(?P<math>[^$]+)\$|\*\*(?P<bold>.+?)\*\*"
    r"|\[(?P<linked>(?:\\.|[^\[\]\\])+)\]\(#(?P<target>[\w.-]+)\)"
    r"|⟦(?P<basis>[^⟦⟧]+)⟧"
)


def to_html(text: str, formulas: Mapping[str, str] = NO_FORMULAS, links: Mapping[str, str] = NO_LINKS) -> str:
    """Returns the text as HTML: its marks are rendered if it is `Inline`, otherwise everything is escaped.

    Args:
        text: what is written.
        formulas: MathML by TeX; a formula without any stays as it is written.
        links: identifiers on the page by the targets of links; a link to any other target is none.
    """
    return _marked(escape(text), formulas, links) if isinstance(text, Inline) else escape(text)


def _marked(escaped: str, formulas: Mapping[str, str], links: Mapping[str, str]) -> str:
    """Renders the marks of a text in which HTML's own are escaped."""

    def rendered(mark: re.Match[str]) -> str:
        if mark["code"] is not None:
            return f"<code>{mark['code']}</code>"
        if mark["math"] is not None:
            return formulas.get(unescape(mark["math"]), f"<i>{mark['math']}</i>")
        if mark["basis"] is not None:
            return f'<span class="mark">[{_marked(mark["basis"], formulas, links)}]</span>'
        if mark["target"] is not None:
            linked = _marked(mark["linked"], formulas, links)
            return f'<a href="#{links[mark["target"]]}">{linked}</a>' if mark["target"] in links else linked
        return mark["escaped"] or f"<strong>{_marked(mark['bold'], formulas, links)}</strong>"

    return MARKS.sub(rendered, escaped)


def formulas_of(text: str) -> list[str]:
    """Returns the TeX of each formula in a text."""
    found = [mark["math"] for mark in MARKS.finditer(text)] if isinstance(text, Inline) else []
    return [tex for tex in found if tex is not None]


def unmarked(text: str) -> str:
    """Returns the text without its marks, for plain text such as an `alt` attribute."""
    return unescape(re.sub(r"<[^>]*>", "", to_html(text)))


class _Counting(Formatter):
    """Formats `{n:epochs}` as 1 epoch or 5 epochs."""

    def format_field(self, value: object, format_spec: str) -> str:
        if not format_spec:
            return str(value)
        return f"{value} {format_spec.removesuffix('s') if value == '1' else format_spec}"


_COUNTING = _Counting()
WIDE = r"[\u2e80-\u9fff\uff00-\uffef\u3001-\u303f“”]"
CHINESE_SPACE = re.compile(f"(?<={WIDE}) (?={WIDE})")
"""Matches a space that a value in Chinese has on a side on which Latin letters need one."""
_FORMULA = re.compile(r"(?<!\\)\$[^$]+\$")


def doubled(text: str) -> str:
    """Doubles the braces of formulas, which are TeX's: no value is filled into a formula."""
    return _FORMULA.sub(lambda formula: formula[0].replace("{", "{{").replace("}", "}}"), text)


class Words:
    """One language's texts."""

    def __init__(self, language: Language) -> None:
        """Reads `text/<language>.toml`."""
        self.language = language
        self.table = _texts(language)

    def __call__(self, key: str, /, **values: object) -> Inline:
        """Returns the text `key` with `values` filled in."""
        text = self.raw(key)
        if not isinstance(text, str):
            raise KeyError(key)
        safe = {
            name: value if isinstance(value, Inline) else literal(str(value))
            for name, value in values.items()
        }
        filled = _COUNTING.vformat(doubled(text), (), safe).strip()
        return Inline(filled if self.language == "en" else CHINESE_SPACE.sub("", filled))

    def raw(self, key: str) -> Any:
        """Returns the value at the dotted `key`.

        Raises:
            KeyError: the language has no such text.
        """
        found: Any = self.table
        for part in key.split("."):
            found = found[part]
        return found

    def has(self, key: str) -> bool:
        """Tells whether the language has a text `key`."""
        try:
            self.raw(key)
        except KeyError:
            return False
        return True

    def name(self, key: str, fallback: str) -> Inline:
        """Returns the text `key`, or the escaped `fallback` if there is none."""
        return self(key) if self.has(key) else literal(fallback)

    def listed(self, items: Sequence[str]) -> Inline:
        """Lists the items within a sentence: a, b and c."""
        safe = [item if isinstance(item, Inline) else literal(item) for item in items]
        if len(safe) < 2:
            return Inline("".join(safe))
        last = self.raw("list.last")
        # Chinese has no spaces except next to Latin letters
        if all(map(_is_wide, (safe[-2][-1:], last.strip()[:1], safe[-1][:1]))):
            last = last.strip()
        return Inline(self.raw("list.comma").join(safe[:-1]) + last + safe[-1])

    def by_arm(self, values: Mapping[str, Any], shown: Callable[[Any], str] = str) -> Inline:
        """Lists arms with their values, each as `shown` formats it."""
        told = {arm: shown(value) for arm, value in values.items()}
        return self.listed([self("overlay.item", arm=code(arm), value=value) for arm, value in told.items()])

    def joined(self, sentences: Iterable[str]) -> Inline:
        """Joins sentences, in English with a space between them, in Chinese without."""
        return Inline(("" if self.language == "zh" else " ").join(sentences))

    def duration(self, seconds: float) -> str:
        """Formats a duration as 12 min 30 s: at most two units, and tenths below ten seconds."""
        hour, minute, second = (f"{NBSP}{self.raw(f'unit.{key}')}" for key in ("hour", "minute", "second"))
        if seconds < 9.95:
            return f"{seconds:.1f}{second}"
        if round(seconds) >= 3600:
            hours, minutes = divmod(round(seconds / 60), 60)
            return f"{hours}{hour} {minutes}{minute}"
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes}{minute} {rest}{second}" if minutes else f"{rest}{second}"


def _is_wide(letter: str) -> bool:
    """Tells whether a letter is Chinese or a quotation mark."""
    return letter in ("“", "”") or (letter != "" and east_asian_width(letter) in "WF")


@cache
def _texts(language: Language) -> dict[str, Any]:
    """Reads `text/<language>.toml`, and what the hand-in says, a file a chapter: `text/handin/`."""
    folder = files("skipscope.report") / "text"
    chapters = (each for each in (folder / "handin").iterdir() if each.name.endswith(f".{language}.toml"))
    found: dict[str, Any] = {}
    for source in (folder / f"{language}.toml", *sorted(chapters, key=lambda each: each.name)):
        found |= tomllib.loads(source.read_text(encoding="utf-8"))
    return found


def percent(share: float) -> str:
    """Formats a share as 67.7%."""
    return f"{100 * share:.1f}%"


def count(number: float) -> str:
    """Formats a whole number as 11,181,642."""
    return f"{number:,.0f}"


def decimal(number: float) -> str:
    """Writes a number without a power of ten: 0.00004, 3."""
    return f"{Decimal(f'{number:g}'):f}"


def short(number: float) -> str:
    """Formats a number as 37.1M: three digits and K, M or G."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "K")):
        if number >= 0.9995 * size:
            scaled = number / size
            digits = 2 if scaled < 9.995 else 1 if scaled < 99.95 else 0
            return f"{scaled:.{digits}f}{letter}"
    return f"{number:.0f}"


def rounded(number: float | None) -> str:
    """Formats a number with two significant digits: 0.31, 1,200 or 4.2 × 10⁻⁵; a dash if it is not finite."""
    if number is None or not math.isfinite(number):
        return "–"
    digits, _, power = f"{number:.1e}".partition("e")
    if number == 0 or -3 <= int(power) <= 4:
        whole = float(f"{number:.2g}")
        return f"{whole:,.{max(0, 1 - int(power))}f}".replace("-", "−")
    raised = str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{digits}{NBSP}×{NBSP}10{raised}".replace("-", "−")


def change(value: float) -> str:
    """Formats an effect or a change as +0.31 or −12: a sign and two significant digits."""
    return ("−" if value < 0 else "+") + rounded(abs(value))


def signed(number: float) -> str:
    """Formats percentage points as +3.4 or −0.2."""
    return f"{number:+.1f}".replace("-", "−")


def plain(value: object) -> str:
    """Formats a setting or a measured number as people write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
