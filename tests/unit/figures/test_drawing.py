"""Pictures drawn in a process of their own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import CancelledError
from contextlib import closing
from multiprocessing import resource_tracker
from pathlib import Path

import altair as alt
import polars as pl
import pytest

from skipscope.figures import style
from skipscope.figures.layered import Layered
from skipscope.figures.rendering import fonts, vega
from skipscope.figures.rendering.drawing import PROCESSES, Drawing, svg

TABLE = pl.DataFrame({"层": [1, 2, 3], "y": [1.0, float("nan"), 2.0]})
LINE = alt.Chart().mark_line().encode(x="层:Q", y="y:Q")
ALONE = """
import json, sys
from skipscope.figures.rendering.drawing import svg
print(*(json.dumps(svg(line)) for line in sys.stdin), sep="\\n")
"""
SPEC = vega.specification(Layered(layers=[LINE], data=TABLE, height=100))


def charts(count: int) -> list[dict]:
    return [vega.printable(SPEC, TABLE, width=100 + n, font=style.FONT) for n in range(count)]


def here(count: int) -> list[str]:
    return [svg(json.dumps(chart)) for chart in charts(count)]


def drawn(count: int) -> list[str]:
    with closing(Drawing()) as drawing:
        begun = [drawing.draw(f"{n}", chart) for n, chart in enumerate(charts(count))]
        return [picture() for picture in begun]


@pytest.fixture
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second of a core each: where it does not matter, there is one."""
    monkeypatch.setattr("skipscope.figures.rendering.drawing.PROCESSES", 1)


def test_they_are_those_drawn_here() -> None:
    assert drawn(5) == here(5)
    assert "层" in here(1)[0]


def test_a_picture_does_not_know_what_was_drawn_before_it() -> None:
    clipped = Layered(layers=[LINE.mark_line(clip=True)], data=TABLE, height=100)
    chart = json.dumps(vega.printable(vega.specification(clipped), TABLE, width=100, font=style.FONT))
    first, second = svg(chart), svg(chart)
    assert first == second
    assert 'id="clip0"' in first
    assert "url(#clip0)" in first


@pytest.mark.parametrize("python", ["/bin/false", "/nowhere/python"])
def test_where_no_other_process_can_draw_they_are_drawn_here(
    python: str, one_process: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource_tracker.ensure_running()  # else it would be begun with this python, too
    monkeypatch.setattr("multiprocessing.spawn._python_exe", os.fsencode(python))
    assert drawn(3) == here(3)


def test_what_killed_processes_would_have_drawn_is_drawn_here() -> None:
    with closing(Drawing()) as drawing:
        first = drawing.draw("first", charts(1)[0])()
        begun = drawing.draw("1", charts(2)[1])
        for process in drawing.pool._processes.values():
            process.kill()
        later = [drawing.draw(f"{n}", charts(4)[n]) for n in (2, 3)]
        assert [first, begun(), *(picture() for picture in later)] == here(4)


def test_what_nobody_asks_for_is_ended(one_process: None) -> None:
    drawing = Drawing()
    waiting = [drawing.draw(f"{n}", chart) for n, chart in enumerate(charts(100))]
    processes = [*drawing.pool._processes.values()]
    drawing.close()
    drawing.close()
    with pytest.raises(CancelledError):
        waiting[-1]()
    assert not any(process.is_alive() for process in processes)


def test_processes_end_with_their_parent_even_if_it_is_killed() -> None:
    script = (
        "from skipscope.figures.rendering.drawing import Drawing\n"
        "if __name__ == '__main__':\n"
        "    drawing = Drawing()\n"
        f"    drawing.draw('first', {charts(1)[0]!r})()\n"
        "    print(*drawing.pool._processes, flush=True)\n"
        "    input()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    children = [int(pid) for pid in parent.stdout.readline().split()]
    parent.kill()
    parent.communicate()
    assert len(children) == 2
    end = time.monotonic() + 60
    while alive := [pid for pid in children if _is_alive(pid)]:
        assert time.monotonic() < end, alive
        time.sleep(0.05)


def _is_alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_what_lies_in_the_working_directory_is_not_run(
    tmp_path: Path, one_process: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("open('ran', 'w')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert len(drawn(1)) == 1
    assert "PYTHONSAFEPATH" not in os.environ
    assert not (tmp_path / "ran").exists()


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
        [sys.executable, "-c", ALONE],
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


def test_processes_that_draw_never_hear_ctrl_c():
    """Not even while they start: a terminal sends it to all of them, and each would print a traceback."""
    with closing(Drawing()) as drawing:
        masks = [drawing.pool.submit(signal.pthread_sigmask, signal.SIG_BLOCK, []) for _ in range(8)]
        assert all(signal.SIGINT in mask.result() for mask in masks)
        assert len(drawing.pool._processes) == PROCESSES  # none is started later, outside what blocks it
