"""Pictures drawn in a process of their own."""

import json
import os
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import altair as alt
import polars as pl
import pytest

from skipscope.figures import style
from skipscope.figures.layered import Layered
from skipscope.figures.rendering import fonts, vega
from skipscope.figures.rendering.drawing import Drawing, svg

TABLE = pl.DataFrame({"层": [1, 2, 3], "y": [1.0, float("nan"), 2.0]})
LINE = alt.Chart().mark_line().encode(x="层:Q", y="y:Q")
SPEC = vega.specification(Layered(layers=[LINE], data=TABLE, height=100))


def charts(count: int = 3) -> list[dict]:
    return [vega.printable(SPEC, TABLE, width=100 + n, font=style.FONT) for n in range(count)]


def drawn(count: int = 3) -> list[str]:
    with closing(Drawing()) as drawing:
        begun = [drawing.draw(f"{n}", chart) for n, chart in enumerate(charts(count))]
        return [picture.result() for picture in begun]


def test_they_are_those_drawn_here() -> None:
    here = [vega.svg(SPEC, TABLE, width=100 + n, font=style.FONT) for n in range(5)]
    assert drawn(5) == here
    assert "层" in here[0]


def test_a_picture_does_not_know_what_was_drawn_before_it() -> None:
    clipped = Layered(layers=[LINE.mark_line(clip=True)], data=TABLE, height=100)
    chart = json.dumps(vega.printable(vega.specification(clipped), TABLE, width=100, font=style.FONT))
    first, second = svg(chart), svg(chart)
    assert first == second
    assert 'id="clip0"' in first
    assert "url(#clip0)" in first


@pytest.mark.parametrize("python", ["/bin/false", "/nowhere/python"])
def test_where_no_other_process_can_draw_they_are_drawn_here(
    python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = drawn()
    monkeypatch.setattr(sys, "executable", python)
    assert drawn() == there


def test_what_killed_processes_would_have_drawn_is_drawn_here() -> None:
    there = drawn(4)
    with closing(Drawing()) as drawing:
        first = drawing.draw("first", charts(1)[0]).result()
        for process in drawing.processes:
            assert process is not None
            process.kill()
        later = [drawing.draw(f"{n}", chart) for n, chart in enumerate(charts(4)[1:])]
        assert [first, *(picture.result() for picture in later)] == there


def test_what_nobody_asks_for_is_ended() -> None:
    begun = Drawing()
    waiting = [begun.draw(f"{n}", chart) for n, chart in enumerate(charts(100))]
    begun.close()
    begun.close()
    assert any(picture.cancelled() for picture in waiting)
    for process in begun.processes:
        assert process is not None
        assert process.returncode is not None
        assert process.stdout is not None
        assert process.stdout.closed


def test_what_lies_in_the_working_directory_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("open('ran', 'w')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert len(drawn(1)) == 1
    assert not (tmp_path / "ran").exists()


def test_the_process_reads_a_chart_a_line() -> None:
    lines = "".join(json.dumps(chart) + "\n" for chart in charts(2))
    command = [sys.executable, "-P", "-m", "skipscope.figures.rendering.drawing"]
    said = subprocess.run(command, input=lines, capture_output=True, text=True, check=True).stdout
    assert [json.loads(line)[:4] for line in said.splitlines()] == ["<svg", "<svg"]


def test_a_long_label_of_chinese_and_latin_is_whole_where_there_are_no_fonts_but_the_extras(
    tmp_path: Path,
) -> None:
    """Vega measures Latin beside Chinese in the Chinese font: narrower than what is shown."""
    if fonts.extra_folder() is None:
        pytest.skip("needs the extra: pip install 'skipscope[zh]'")
    latin, chinese = "T1 , se_resnet - cnn", "达到同一训练损失的轮数"
    without = tmp_path / "fonts.conf"  # Linux alone reads it; elsewhere the system's fonts are there
    without.write_text("<fontconfig><dir>nowhere</dir></fontconfig>")
    charts = []
    for label in (latin, latin.replace(" ,", f" {chinese},")):
        table = pl.DataFrame({"y": [label], "x": [1.0]})
        bars = alt.Chart().mark_bar().encode(x=alt.X("x:Q").title(None), y=alt.Y("y:N").title(None))
        spec = vega.specification(Layered(layers=[bars], data=table, height=100))
        charts.append(vega.printable(spec, table, width=100, font=style.LATIN_FONT))
    process = subprocess.run(
        [sys.executable, "-m", "skipscope.figures.rendering.drawing"],
        input="".join(json.dumps(chart) + "\n" for chart in charts),
        env=os.environ | {"FONTCONFIG_FILE": str(without)},
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    pictures = [json.loads(line) for line in process.stdout.splitlines()]
    alone, mixed = (float(re.findall(r"translate\(([\d.]+),", picture)[0]) for picture in pictures)
    # what is beside the label is in both; a Chinese letter is a square
    assert (
        mixed >= alone - vega.PRINT["padding"]["left"] + len(chinese) * style.CONFIG["axis"]["labelFontSize"]
    )
