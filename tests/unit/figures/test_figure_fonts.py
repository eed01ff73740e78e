"""Fonts for print, and charts as pictures in them."""

import io

import pytest
import typst
from PIL import Image

from skipscope.figures.rendering import fonts, prints

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="100" height="40"><rect width="100" height="40" '
    'fill="white"/><text x="4" y="30" font-family="Helvetica, Arial" font-size="24px" {weight}>'
    "{text}</text></svg>"
)


@pytest.fixture
def only_the_extra(monkeypatch, fonts_forgotten):
    """What `skipscope[zh]` installs, on a machine that has nothing."""
    own = typst.Fonts(include_system_fonts=False, font_paths=[str(fonts.extra_folder())])
    monkeypatch.setattr(fonts, "book", lambda: own)


def test_the_extra_has_chinese(only_the_extra):
    assert fonts.chinese() == "Noto Sans CJK SC"
    assert fonts.families("zh") == ("Noto Sans CJK SC", fonts.LATIN)
    assert fonts.families("en") == (fonts.LATIN, "Noto Sans CJK SC")
    assert not fonts.missing("恒等映射缓解梯度消失，验证准确率 67.7 % → 10⁻⁵ × ‖f(x)‖", fonts.families("zh"))


def test_without_a_font_there_is_no_chinese_and_it_is_known_which_characters_are_missing(no_chinese):
    assert fonts.chinese() is None
    assert fonts.families("zh") == (fonts.LATIN,)
    assert fonts.missing("准确 accuracy é − × → 67.7\u00a0%", (fonts.LATIN,)) == "准确"


@pytest.mark.parametrize("text", ["", "plain", "\u0301\u200b\u00ad\n", "]#{`*_"])
def test_what_draws_nothing_and_what_typst_would_read_as_markup_is_not_missing(no_chinese, text):
    assert not fonts.missing(text, (fonts.LATIN,))


def test_without_the_extra_its_folder_is_not_there(monkeypatch):
    monkeypatch.setattr(fonts, "EXTRA", "a_module_that_nobody_has")
    assert fonts.extra_folder() is None


def ink(png):
    """The share of a picture that is not white."""
    shades = Image.open(io.BytesIO(png)).convert("L").tobytes()
    return sum(shade < 128 for shade in shades) / len(shades)


def test_pictures_have_two_dots_a_pixel_and_the_weight_that_is_asked_for(only_the_extra, tmp_path):
    plain, bold = (
        prints.set_in(SVG.format(weight=weight, text="验证"), fonts.families("zh"))
        for weight in ('font-weight="normal"', 'font-weight="bold"')
    )
    assert "'Noto Sans CJK SC', 'Libertinus Serif'" in plain
    first, second = prints.pngs([plain, bold], tmp_path)
    picture = Image.open(io.BytesIO(first))
    assert (picture.size, picture.mode) == ((200, 80), "P")  # with a palette: half the bytes
    assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
    # a variable font that nobody tells its weight is drawn in its thinnest: 3 % of this picture, not 6 %
    thin = SVG.format(weight="", text="验证").replace("Helvetica, Arial", "Noto Sans CJK SC")
    (thinnest,) = prints.pngs([thin], tmp_path)
    assert ink(thinnest) < 0.75 * ink(first)
    assert ink(first) < 0.85 * ink(second)


def test_no_pictures_are_none(tmp_path):
    assert prints.pngs([], tmp_path) == []
