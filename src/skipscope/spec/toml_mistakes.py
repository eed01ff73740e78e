"""Names the mistakes that keep a file from being TOML: all of them, each with its line and what to write.

The parser stops at the first. Its line is mended as its author meant it, or left out; then it goes on.
"""

import re
import tomllib
from collections.abc import Callable
from typing import NamedTuple

FULL_WIDTH = str.maketrans(
    "＝：，、；。“”„＂‘’＇【】［］｛｝（）＃－＿　\u00a0０１２３４５６７８９",
    '==,,;.""""\'\'\'[][]{}()#-_  0123456789',
)
"""Characters that an input method or a text processor writes in place of TOML's."""
MOST = 20
"""Mistakes that are looked for."""
_LITERAL = re.compile(r""""(?:\\.|[^"\\])*"|'[^']*'|#.*""")
_AT = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


_OTHER = {
    "<": "this is a web page or XML: write name = value, one a line",
    "{": "this is JSON: write name = value, one a line",
}
"""What a file is that begins so."""


class Mended(NamedTuple):
    """A text that is TOML, and what was wrong with the one it was made from."""

    text: str
    mistakes: list[tuple[int, str]]
    """Lines from 1, each with a sentence."""
    whole: bool
    """Whether each mistake was mended: else something is left out."""


class _Rule(NamedTuple):
    """A kind of mistake: where it is in a line without its strings, what is said, what is written instead."""

    pattern: re.Pattern[str]
    said: str
    instead: Callable[[str], str]


_RULES = (
    _Rule(re.compile(r"(?<=\S)\s*:(?=\s|$)"), "between a key and its value stands =", lambda _: " ="),
    _Rule(re.compile(r"\s*;\s*$"), "nothing stands behind a value: leave out ;", lambda _: ""),
    _Rule(re.compile(r"\s*(//|--|%|;).*$"), "a comment begins with #", lambda _: ""),
    _Rule(re.compile(r"(?<==)\s*(?i:true|false)\s*$"), "this is written true or false", str.lower),
    _Rule(re.compile(r"(?<==)\s*(?i:yes|on)\s*$"), "this is written true", lambda _: " true"),
    _Rule(re.compile(r"(?<==)\s*(?i:no|off)\s*$"), "this is written false", lambda _: " false"),
    _Rule(re.compile(r"^.*=\s*(None|null|nil|NULL)?\s*$"), "leave out a key without a value", lambda _: ""),
    _Rule(re.compile(r"(?<![\w.])\.(?=\d)"), "a number has a digit before its point: 0.1", lambda _: "0."),
    _Rule(re.compile(r"(?<=\d)\.(?!\w)"), "a number has a digit behind its point: 1.0", lambda _: ".0"),
    _Rule(
        re.compile(r"(?<==)[^\[{,]+,[^\]}]*$"),
        "several values stand in brackets: [1, 2]",
        lambda values: f" [{values.strip()}]",
    ),
    _Rule(
        re.compile(r"(?<==)\s*[A-Za-z_][^\s\"'=\[\]{},]*\s*$"),
        'text stands in quotes: "text"',
        lambda word: f" '{word.strip()}'",
    ),
    _Rule(
        re.compile(r"^\s*\[+[^\[\]]*\]*\s*$"),
        "brackets go in pairs around a table's name: [recipe], [[arm]]",
        lambda header: ("[[{}]]" if "[[" in header else "[{}]").format(header.strip("[] \t")),
    ),
)
"""The first that applies is said."""


def mended(text: str) -> Mended:
    """Mends a text until it is TOML.

    Raises:
        ValueError: it has a number, or RecursionError: a nesting, without end.
    """
    for begins, said in _OTHER.items():
        if text.lstrip().startswith(begins):
            return Mended("", [(1, said)], whole=False)
    lines = text.split("\n")
    mistakes: dict[int, str] = {}
    tried: set[int] = set()
    whole = True
    for _ in range(2 * MOST):
        try:
            tomllib.loads("\n".join(lines))
        except tomllib.TOMLDecodeError as error:
            said = str(error)
            at = _AT.search(said)
            number = int(at[1]) if at and at[1] else len(lines)
            line = lines[number - 1]
            sentence, instead = _explained(line, _AT.sub("", said), lines[: number - 1])
            mistakes.setdefault(number, sentence)
            if instead is None or number in tried or instead == line:
                instead, whole = "", False
            tried.add(number)
            lines[number - 1] = instead
            opened = not at or not at[1]  # what was opened there is never closed
            if opened or len(mistakes) >= MOST or (not instead and line.lstrip().startswith("[")):
                return Mended("", sorted(mistakes.items()), whole=False)
        else:
            break
    return Mended("\n".join(lines), sorted(mistakes.items()), whole)


def _explained(line: str, said: str, above: list[str]) -> tuple[str, str | None]:
    """Returns what is wrong with a line, and the line as it was meant: None where that is not known."""
    bare = _LITERAL.sub(lambda found: ("_" if found[0][0] != "#" else " ") * len(found[0]), line)
    if bare.translate(FULL_WIDTH) != bare:
        return _full_width(line, bare)
    if "overwrite" in said or "twice" in said:
        return _twice(line, above), None
    if "escape" in said or "hex value" in said:
        return (
            "in double quotes \\ begins an escape: write / in a path, or put it in single quotes",
            line.replace("\\", "/"),
        )
    if bare.count('"') % 2 or bare.count("'") % 2:
        return "a quote is opened and not closed", None
    for rule in _RULES:
        if found := rule.pattern.search(bare):
            start, end = found.span()
            return rule.said, line[:start] + rule.instead(line[start:end]) + line[end:]
    return said[:1].lower() + said[1:], None


def _full_width(line: str, bare: str) -> tuple[str, str]:
    """Says which characters are not TOML's."""
    wrong = dict.fromkeys(each for each in bare if each.translate(FULL_WIDTH) != each)
    right = dict.fromkeys(each.translate(FULL_WIDTH) for each in wrong)
    one, other = (
        " ".join(f"U+{ord(each):04X}" if each.isspace() and each != " " else each for each in characters)
        for characters in (wrong, right)
    )
    instead = "".join(
        each if masked == "_" != each else each.translate(FULL_WIDTH)
        for each, masked in zip(line, bare, strict=True)
    )
    return (
        f"in place of {one} write {other.strip() or 'a space'} (switch the input method to English)",
        instead,
    )


def _twice(line: str, above: list[str]) -> str:
    """Names what is there twice, and where it is first."""
    name = line.partition("=")[0].strip()
    table = [number for number, each in enumerate(above, start=1) if each.lstrip().startswith("[")]
    since = 0 if line.lstrip().startswith("[") or not table else table[-1]
    for number, each in enumerate(above, start=1):
        if number > since and each.partition("=")[0].strip() == name:
            return f"{name} is there twice, first in line {number}: leave one"
    return f"{name} is there twice: leave one"
