"""Pictures drawn in a process of their own."""

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl
import pytest

from skipscope.figures import fonts, render, style
from skipscope.figures.drawing import BROUGHT, Drawing, svg
from skipscope.figures.layered import Layered

TABLE = pl.DataFrame({"层": [1, 2, 3], "y": [1.0, float("nan"), 2.0]})
LINE = alt.Chart().mark_line().encode(x="层:Q", y="y:Q")
SPEC = render.specification(Layered(layers=[LINE], data=TABLE, height=100))


def charts(count: int = 3) -> list[dict]:
    return [render.printable(SPEC, TABLE, width=100 + n, font=style.LATIN_FONT) for n in range(count)]


def drawn(count: int = 3) -> list[str]:
    with closing(Drawing()) as drawing:
        return [picture.result() for picture in [drawing.draw(chart) for chart in charts(count)]]


def test_they_are_those_drawn_here() -> None:
    here = [render.svg(SPEC, TABLE, width=100 + n, font=style.LATIN_FONT) for n in range(5)]
    assert drawn(5) == here
    assert "层" in here[0]


def test_the_systems_fonts_are_read_only_where_no_other_has_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[dict[str, str]] = []

    class Started(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, command: list[str], *, env: dict[str, str], **others: Any) -> None:
            started.append(env)
            super().__init__(command, env=env, **others)

    monkeypatch.delenv("FONTCONFIG_FILE", raising=False)
    monkeypatch.setattr(subprocess, "Popen", Started)
    for folder in (None, Path("/extra")):
        monkeypatch.setattr(fonts, "extra_folder", lambda folder=folder: folder)
        Drawing().close()
    assert [env.get("FONTCONFIG_FILE") for env in started] == [None, None, str(BROUGHT), str(BROUGHT)]
    assert BROUGHT.exists()


def test_a_picture_does_not_know_what_was_drawn_before_it() -> None:
    clipped = Layered(layers=[LINE.mark_line(clip=True)], data=TABLE, height=100)
    chart = json.dumps(
        render.printable(render.specification(clipped), TABLE, width=100, font=style.LATIN_FONT)
    )
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
        first = drawing.draw(charts(1)[0]).result()
        for process in drawing.processes:
            assert process is not None
            process.kill()
        later = [drawing.draw(chart) for chart in charts(4)[1:]]
        assert [first, *(picture.result() for picture in later)] == there


def test_what_nobody_asks_for_is_ended() -> None:
    begun = Drawing()
    waiting = [begun.draw(chart) for chart in charts(100)]
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
    command = [sys.executable, "-P", "-m", "skipscope.figures.drawing"]
    said = subprocess.run(command, input=lines, capture_output=True, text=True, check=True).stdout
    assert [json.loads(line)[:4] for line in said.splitlines()] == ["<svg", "<svg"]
