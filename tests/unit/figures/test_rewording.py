"""A picture in another language: what is exchanged, and when it is drawn anew."""

import json
import re
from contextlib import closing
from typing import Any

import altair as alt
import polars as pl
import pytest

from skipscope.figures import style
from skipscope.figures.layered import Layered
from skipscope.figures.rendering import vega
from skipscope.figures.rendering.drawing import Drawing, svg
from skipscope.figures.rendering.rewording import TEXT, reworded, words_between

MEASURES = ("training accuracy", "validation accuracy")
ENGLISH = {"x": "epoch", "y": "share of <all>", "measures": MEASURES, "ends": ("first", "last")}
CHINESE = {
    "x": "轮次",
    "y": "占<全部>之比",
    "measures": ("训练准确率", "验证准确率"),
    "ends": ("最前", "最后"),
}


def chart(
    *,
    x: str,
    y: str,
    measures: tuple[str, str],
    ends: tuple[str, str],
    values: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0),
) -> dict[str, Any]:
    """Two lines with a legend, the ends of the horizontal axis in words, and words for the pointer."""
    table = pl.DataFrame({"t": [0, 1, 0, 1], "v": values, "measure": [measures[n] for n in (0, 0, 1, 1)]})
    ends_alone = alt.Axis(values=[0, 1], labelExpr=f'datum.value == 0 ? "{ends[0]}" : "{ends[1]}"')
    line = (
        alt.Chart()
        .mark_line()
        .encode(
            x=alt.X("t:Q", axis=ends_alone).title(x),
            y=alt.Y("v:Q").title(y),
            strokeDash=alt.StrokeDash("measure:N", scale=alt.Scale(domain=list(measures))).title(None),
            tooltip=[alt.Tooltip("v:Q", title=f"{y} at {x}")],
        )
    )
    spec = vega.specification(Layered(layers=[line], data=table, height=100), validate=True)
    return vega.printable(spec, table, width=300, font=style.LATIN_FONT)


def bars(labels: tuple[str, ...], title: str = "part") -> dict[str, Any]:
    table = pl.DataFrame({"part": labels, "v": [1.0] * len(labels)})
    bar = alt.Chart().mark_bar().encode(x="v:Q", y=alt.Y("part:N").title(title))
    spec = vega.specification(Layered(layers=[bar], data=table, height=100), validate=True)
    return vega.printable(spec, table, width=300, font=style.LATIN_FONT)


def texts(picture: str) -> list[str]:
    return [text[2] for text in TEXT.finditer(picture)]


def marks(picture: str) -> list[str]:
    return re.findall(r' d="[^"]+"', picture.split("role-legend", maxsplit=1)[0])


def test_titles_are_all_that_differs_from_the_picture_drawn_alone() -> None:
    english, chinese = chart(**ENGLISH), chart(**ENGLISH | {"x": CHINESE["x"], "y": CHINESE["y"]})
    words = words_between(english, chinese)
    assert words == {"epoch": "轮次", "share of <all>": "占<全部>之比"}
    assert reworded(svg_of(english), words) == svg_of(chinese)


def test_labels_and_what_stands_in_the_legend_are_exchanged_too() -> None:
    english, chinese = chart(**ENGLISH), chart(**CHINESE)
    words = words_between(english, chinese)
    assert words is not None
    assert len(words) == 6
    picture, alone = reworded(svg_of(english), words), svg_of(chinese)
    assert picture is not None
    assert texts(picture) == texts(alone)
    assert marks(picture) == marks(alone)  # of the legend, places alone differ


def test_the_same_chart_needs_no_words() -> None:
    assert words_between(chart(**ENGLISH), chart(**ENGLISH)) == {}
    assert reworded("<svg></svg>", {}) == "<svg></svg>"


@pytest.mark.parametrize(
    "other",
    [
        CHINESE | {"values": (0.25, 0.5, 0.75, 0.9)},
        CHINESE | {"y": "占总数的比例，比英文长得多的说法"},  # wider than what it would stand for
        CHINESE | {"ends": ("最前", '最后" + "')},  # another expression
        CHINESE | {"measures": ("训练准确率", "训练准确率")},
    ],
)
def test_charts_that_differ_in_more_are_drawn_both(other: dict[str, Any]) -> None:
    assert words_between(chart(**ENGLISH), chart(**other)) is None


def test_a_word_with_two_translations_is_drawn_both_times() -> None:
    same = ENGLISH | {"x": "accuracy", "y": "accuracy"}
    assert words_between(chart(**same), chart(**same | {"x": "准确率", "y": "精度"})) is None


def test_what_is_named_like_a_word_keeps_its_name() -> None:
    """A network may be called `loss`."""
    names = ENGLISH | {"measures": ("epoch", "loss")}
    assert words_between(chart(**names), chart(**names | {"x": "轮次"})) is None
    assert words_between(chart(**names | {"x": "step"}), chart(**names | {"x": "步"})) == {"step": "步"}


def test_labels_left_of_the_plot_decide_where_it_begins() -> None:
    assert words_between(bars(("long label", "other")), bars(("标签", "其他"))) is None
    assert words_between(bars(("same",)), bars(("same",), "各部分")) is None  # it is wider than "part"
    assert words_between(bars(("same",), "the part"), bars(("same",), "部分")) == {"the part": "部分"}


@pytest.mark.parametrize(
    "words",
    [
        {"nowhere": "无处"},
        {"epoch": "轮次", "curve": "线"},  # a part of a text that stays: put together in the picture
    ],
)
def test_a_picture_without_the_word_as_a_text_of_its_own_is_drawn(words: dict[str, str]) -> None:
    picture = '<svg><text x="1">epoch</text><text>curve 3</text></svg>'
    assert reworded(picture, words) is None


def test_what_stands_in_a_text_is_no_markup() -> None:
    assert reworded("<svg><text>a &lt; b</text></svg>", {"a < b": "甲 & 乙"}) == (
        "<svg><text>甲 &amp; 乙</text></svg>"
    )


def test_a_second_chart_of_the_same_name_is_drawn_only_if_it_must(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words that an expression puts together are in the picture as one text, and cannot be exchanged."""
    monkeypatch.setattr("skipscope.figures.rendering.drawing.PROCESSES", 1)
    drawn: list[str] = []
    begin = Drawing._begin
    monkeypatch.setattr(Drawing, "_begin", lambda self, line: drawn.append(line) or begin(self, line))
    seconds = [chart(**ENGLISH | {"ends": ("0", f'1" + " {word}')}) for word in ("second", "秒")]
    pairs = {
        "lines": (chart(**ENGLISH), chart(**CHINESE)),
        "bars": (bars(("long",)), bars(("长",))),
        "time": tuple(seconds),
    }
    with closing(Drawing()) as drawing:
        begun = [drawing.draw(name, pair[turn]) for turn in (0, 1) for name, pair in pairs.items()]
        assert len(drawn) == 4  # two labels left of the plot
        pictures = [picture() for picture in begun]
    assert len(drawn) == 5
    assert [texts(picture) for picture in pictures] == [
        texts(svg_of(pair[turn])) for turn in (0, 1) for pair in pairs.values()
    ]
    assert ["1 second" in texts(pictures[2]), "1 秒" in texts(pictures[5])] == [True, True]


def svg_of(chart: dict[str, Any]) -> str:
    return svg(json.dumps(chart))
