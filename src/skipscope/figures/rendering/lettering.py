"""Sets indices, powers and variables in the texts of an SVG.

No font need have small digits or slanted letters: for one letter that it lacks, a whole text would change
its font. They are written as such (x₀, 10⁻², 𝑓(𝑥)) and drawn with usual letters, moved and slanted.
"""

import re
from html import escape
from unicodedata import east_asian_width

LOW, HIGH = "₀₁₂₃₄₅₆₇₈₉", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"
"""Letters of indices and of powers."""
SLANTED = {chr(0x1D434 + index): chr(65 + index) for index in range(26)}
SLANTED |= {chr(0x1D44E + index): chr(97 + index) for index in range(26)}
"""Letters of variables."""
_OTHERS = re.compile(f"([{LOW}]+|[{HIGH}]+|[{''.join(SLANTED)}]+)")
_TO_SLANTED = {ord(usual): letter for letter, usual in SLANTED.items()}
_USUAL = str.maketrans(dict(zip(LOW + HIGH, "0123456789−0123456789", strict=True)) | SLANTED)


def lettered(words: str, size: float) -> str:
    """Writes what is within a text element whose letters are of this size."""
    plain, *rest = _OTHERS.split(words)
    parts, moved = [escape(plain, quote=False)], 0.0
    for letters, after in zip(rest[::2], rest[1::2], strict=True):
        slanted = letters[0] in SLANTED
        level = 0.0 if slanted else 2.2 if letters[0] in LOW else -0.32 * size
        look = ' font-style="italic"' if slanted else f' font-size="{_number(0.72 * size)}"'
        parts.append(f"<tspan{_by(level - moved)}{look}>{letters.translate(_USUAL)}</tspan>")
        moved = level
        if after:
            back = _by(-moved)
            parts.append(f"<tspan{back}>{escape(after, quote=False)}</tspan>" if back else escape(after))
            moved = 0.0
    return "".join(parts)


def slanted(letters: str) -> str:
    """Writes letters as those of variables."""
    return letters.translate(_TO_SLANTED)


def is_wide(letter: str) -> bool:
    """Tells whether a letter is Chinese."""
    return east_asian_width(letter) in "WF"


def _by(distance: float) -> str:
    return f' dy="{_number(distance)}"' if distance else ""


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
