"""Words, numbers and their marks."""

import re
import string
from itertools import pairwise

import pytest

from skipscope.report.words import (
    NBSP,
    Inline,
    Words,
    change,
    code,
    count,
    doubled,
    literal,
    percent,
    plain,
    short,
    to_html,
    unmarked,
)

EN, ZH = Words("en"), Words("zh")


def leaves(table, path=""):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def fields(text):
    return {
        name
        for line in ([text] if isinstance(text, str) else [])  # equations are TeX, and nothing is filled in
        for _, name, _, _ in string.Formatter().parse(doubled(line))
        if name
    }


def test_both_languages_say_the_same_things_about_the_same_values():
    en, zh = dict(leaves(EN.table)), dict(leaves(ZH.table))
    assert en.keys() == zh.keys()
    assert {key: fields(text) for key, text in en.items()} == {key: fields(text) for key, text in zh.items()}


def test_no_chinese_in_english_and_no_halfwidth_punctuation_in_chinese():
    def chinese(text):
        return any("\u4e00" <= letter <= "\u9fff" for letter in text)

    for key, text in leaves(EN.table):
        assert key == "page.switch" or not chinese(str(text)), key
    for key, text in leaves(ZH.table):
        for mark in ",;:?!":
            parts = str(text).split(mark)
            for before, after in pairwise(parts):
                touching = chinese(before[-1:]) or chinese(after[:1])
                assert not touching, (key, mark)


def test_texts_have_no_markup_that_pages_do_not_know():
    """A single star is italics in print and a star on a page."""
    for words in (EN, ZH):
        for key, text in leaves(words.table):
            lines = [text] if isinstance(text, str) else []
            rest = [re.sub(r"\$[^$]*\$|`[^`]*`|\*\*|\\\\\*", "", line) for line in lines]
            assert not any(re.search(r"(?<!\w)[*_][^*_\s][^*_]*[*_](?!\w)", line) for line in rest), key


@pytest.mark.parametrize(
    ("seconds", "en", "zh"),
    [
        (0.04, "0.0 s", "0.0 秒"),
        (9.96, "10 s", "10 秒"),
        (59.6, "1 min 0 s", "1 分 0 秒"),
        (750, "12 min 30 s", "12 分 30 秒"),
        (3599.7, "1 h 0 min", "1 小时 0 分"),
        (7199, "2 h 0 min", "2 小时 0 分"),
    ],
)
def test_durations(seconds, en, zh):
    assert EN.duration(seconds).replace(NBSP, " ") == en
    assert ZH.duration(seconds).replace(NBSP, " ") == zh


def test_numbers():
    assert [change(value) for value in (0.31, -0.0042)] == ["+0.31", "−0.0042"]
    assert percent(0.6774) == "67.7%"
    assert count(11_181_642) == "11,181,642"
    assert [short(n) for n in (840, 886_440, 37_116_576, 999_950_000, 1.2e9)] == [
        "840",
        "886K",
        "37.1M",
        "1.00G",
        "1.20G",
    ]
    assert [plain(value) for value in (True, False, 5e-4, 45_000)] == ["true", "false", "0.0005", "45,000"]


def test_what_is_put_into_a_text_cannot_become_markup():
    text = EN("summary.only", arm="<b>**x**</b>", value=Inline("**1**"))
    page = to_html(text)
    assert "&lt;b&gt;**x**&lt;/b&gt;" in page
    assert "<strong>" in page
    assert unmarked(text).startswith("<b>**x**</b> reaches a test accuracy of")


@pytest.mark.parametrize("text", ["a|b`c", "<script>", r"back\slash", "*_[x](y)_*", "&amp; #1 ~ $"])
def test_literal_comes_out_as_it_went_in(text):
    assert unmarked(literal(text)) == text
    assert "`" not in code(text)[1:-1]


def test_lists():
    assert EN.listed([]) == ""
    assert EN.listed(["a"]) == "a"
    assert EN.listed(["a", code("b"), "c"]) == "a, `b` and c"
    assert ZH.listed(["a", "b"]) == "a 和 b"
    assert ZH.listed(["甲", "乙", "“丙”"]) == "甲、乙和“丙”"
    assert EN.listed(["“a”", "“b”"]) == "“a” and “b”"


def test_chinese_has_a_space_beside_latin_letters_alone():
    told = {"arms": "甲", "train": 5, "epochs": 1, "recipe": "丙", "validation": 1, "test": 1}
    assert "在乙（丙）的 5 张" in ZH("summary.what", data="乙（丙）", **told)
    assert "在 B 的 5 张" in ZH("summary.what", data="B", **told)


def test_a_text_that_is_not_there():
    assert EN.name("machine.absent", "<absent>") == r"\<absent\>"
    with pytest.raises(KeyError):
        EN("page")


def test_what_is_counted_once_is_in_the_singular():
    assert EN("explanation.seeds_from", number=1) == "At least 1 more seed"
    assert EN("explanation.seeds_from", number=7) == "At least 7 more seeds"
    assert EN("summary.finished", done=1, all=1) == "1 of 1 run finished."
    assert "1 " in ZH("explanation.seeds_from", number=1)
