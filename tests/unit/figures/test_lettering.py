"""Indices, powers and variables in the texts of pictures, as they are drawn and as they are printed."""

import re

from skipscope.diagrams import svg
from skipscope.figures.rendering import fonts, prints
from skipscope.figures.rendering.lettering import lettered

FAMILY = ("Noto Sans CJK SC", fonts.LATIN)


def read(markup: str) -> str:
    return re.sub("<[^>]*>", "", markup)


def test_small_and_slanted_letters_are_usual_ones_that_are_moved_and_slanted():
    told = lettered("𝑘₀ + 2𝑘 < 10⁻²", 10.0)
    assert read(told) == "k0 + 2k &lt; 10−2"
    assert told.count('font-style="italic"') == 2
    moved = [float(by) for by in re.findall(r'dy="(-?[\d.]+)"', told)]
    assert moved == [2.2, -2.2, -3.2]  # an index, back again, and a power
    assert lettered("plain & simple", 10.0) == "plain &amp; simple"


def test_variables_are_slanted_in_print_beside_either_script():
    """No Chinese family has italics; of a text with both scripts typst takes one family for all letters."""
    latin = prints.set_in(svg.text("𝑠·𝑓(𝑥)", 0, 0), FAMILY)
    assert read(latin) == "s·f(x)"
    assert re.findall(r'<tspan font-style="italic" font-family="\'([^\']+)', latin) == [fonts.LATIN] * 3
    chinese = prints.set_in(svg.text("缩减比 𝑟 = 16", 0, 0), FAMILY)
    assert read(chinese) == "缩减比 𝑟 = 16"
    assert not fonts.missing("𝑟𝐶𝑘𝑓𝑥", FAMILY)


def test_indices_in_charts_are_small_digits_in_print():
    label = '<text font-family="Arial" font-size="12px" font-style="italic">x₁₀</text>'
    printed = prints.set_in(label, FAMILY)
    assert read(printed) == "x10"
    assert f"font-family=\"'{fonts.LATIN}'" in printed
    assert 'font-size="8.6"' in printed


def test_a_text_after_an_empty_one_is_set_like_any_other():
    """Vega draws the label of a gap as an element without an end."""
    label = '<text font-family="Arial" font-size="12px"{}'
    printed = prints.set_in(f"{label.format('/>')}<g>{label.format('>a')}</text></g>", FAMILY)
    assert printed.count("font-variation-settings") == 1
    assert re.search(r"font-variation-settings: 'wght' 400\"[^>]*>a</text>", printed)
