"""The stream: what a page is told, and what it is told again after it was away."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from shutil import rmtree
from typing import Any

import httpx
import pytest
from live_server import Event, browsing, events, free_port, grow, unfinished, until_known
from made_up_workspace import metrics

from skipscope.live import stream
from skipscope.live.control import Control
from skipscope.live.serve import serving
from skipscope.records.run_folder import RunFolder
from skipscope.records.store import Workspace


def steps_of(line: dict[str, list[int]]) -> int:
    return sum(line["count"])


def lines_of(news: Iterator[Event], run: str) -> dict[str, Any]:
    """The next news of a run's line."""
    for _, each in news:
        if run in each.get("lines", {}):
            return dict(each["lines"][run])
    raise AssertionError("the stream ended")


def test_everything_is_told_at_first(own: httpx.Client, workspace: Workspace) -> None:
    with events(own) as news:
        _, known = until_known(news, 4)
    assert known["studies"] == ["lab"]
    assert (known["works"], known["there"]) == (False, True)
    assert [arm["arm"] for arm in known["study"]["arms"]] == ["cnn", "resnet"]
    states = {(card["arm"], card["seed"]): card["state"] for card in known["runs"].values()}
    assert states == {
        ("cnn", 0): "done",
        ("cnn", 1): "failed",
        ("resnet", 0): "done",
        ("resnet", 1): "stopped",
    }
    (failed,) = (card for card in known["runs"].values() if card["state"] == "failed")
    assert "diverged" in failed["why"]["en"]
    line = known["lines"][unfinished(workspace).path.name]
    rows = metrics("resnet", 1, epochs=3, steps=100, until=140)
    losses = [row["loss"] for row in rows if row["kind"] == "step"]
    assert line["mean"] == pytest.approx(losses, rel=1e-5)
    assert [epoch["step"] for epoch in line["epochs"]] == [100]


def test_a_page_that_was_away_is_told_what_it_lacks_and_nothing_else(
    own: httpx.Client, workspace: Workspace
) -> None:
    run = unfinished(workspace)
    with events(own) as news:
        seen, _ = until_known(news, 4)
    grow(run, first=141, steps=25)  # it sleeps
    with events(own, since=seen) as news:
        line = lines_of(news, run.path.name)
        assert not line["again"]
        assert line["step"] == list(range(141, 166))
        grow(run, first=166, steps=1)
        assert lines_of(news, run.path.name)["step"] == [166]


@pytest.mark.parametrize("since", ["", "0badcafe-7", "nonsense", "0badcafe-" + "9" * 5000])
def test_a_page_of_an_earlier_server_begins_anew(own: httpx.Client, workspace: Workspace, since: str) -> None:
    with events(own, since=since) as news:
        lines = until_known(news, 4)[1]["lines"].values()
    assert len(lines) == 4
    assert all(line["again"] for line in lines)  # a page that has them already must not append them


def test_half_a_line_is_told_when_it_is_whole(own: httpx.Client, workspace: Workspace) -> None:
    run = unfinished(workspace)
    row = json.dumps({"kind": "step", "step": 141, "epoch": 2, "loss": 7.5, "learning_rate": 0.1}) + "\n"
    with events(own) as news:
        until_known(news, 4)
        with run.metrics_file.open("a") as file:
            file.write(row[:30])
        grow(unfinished_other(workspace, run), first=301, steps=1)
        next(news)
        with run.metrics_file.open("a") as file:
            file.write(row[30:])
        assert lines_of(news, run.path.name)["mean"] == [7.5]


def unfinished_other(workspace: Workspace, run: RunFolder) -> RunFolder:
    return next(workspace.run_folder(each.id) for each in workspace.runs() if each.id != run.path.name)


@pytest.mark.parametrize("how", ["in place", "another file", "shorter"])
def test_a_run_that_is_trained_again_begins_anew_on_the_page(
    own: httpx.Client, workspace: Workspace, how: str
) -> None:
    run = unfinished(workspace)
    with events(own) as news:
        until_known(news, 4)
        if how == "another file":
            run.metrics_file.unlink()
            grow(run, first=1, steps=300)
        else:
            text = run.metrics_file.read_text().splitlines(keepends=True)
            kept = [line.replace('"epoch"', '"epoch" ') for line in text[: 141 if how == "in place" else 20]]
            run.metrics_file.write_text("".join(kept) + (" \n" * 200 if how == "in place" else ""))
        line = lines_of(news, run.path.name)
        assert line["again"]
        seen, expected = steps_of(line), {"in place": 140, "another file": 300, "shorter": 20}[how]
        while seen < expected:  # it looked while the file was not there, or half-written
            seen += steps_of(lines_of(news, run.path.name))
    assert seen == expected


def test_rows_that_cannot_be_read_are_counted_and_the_others_shown(
    own: httpx.Client, workspace: Workspace
) -> None:
    run = unfinished(workspace)
    with run.metrics_file.open("ab") as file:
        file.write(b'{"kind": "step", "step"\n[1, 2]\n\xff\xfe\n{"step": "many"}\n')
    grow(run, first=141, steps=3)
    with events(own) as news:
        _, known = until_known(news, 4)
    assert known["runs"][run.path.name]["unreadable"] == 4
    assert steps_of(known["lines"][run.path.name]) == 143


def test_a_record_that_is_damaged_says_so_on_its_card(own: httpx.Client, workspace: Workspace) -> None:
    run = unfinished(workspace)
    run.record_file.write_text("{")
    with events(own) as news:
        card = until_known(news, 4)[1]["runs"][run.path.name]
    assert card["state"] == "damaged"
    assert card["why"]["en"].startswith("This record is damaged")


def test_a_workspace_may_be_deleted_and_come_back(own: httpx.Client, workspace: Workspace) -> None:
    copy = workspace.path.with_name("copy")
    with events(own) as news:
        until_known(news, 4)
        workspace.path.rename(copy)
        assert _next_with(news, "there")["there"] is False
        copy.rename(workspace.path)
        assert _next_with(news, "there")["there"] is True
    rmtree(workspace.path)
    with events(own) as news:
        assert next(news)[1]["studies"] == []


def _next_with(news: Iterator[Event], key: str) -> dict[str, object]:
    return next(each for _, each in news if key in each)


def test_a_folder_that_is_no_workspace_yet_becomes_one(tmp_path: Path, workspace: Workspace) -> None:
    later = Workspace(tmp_path / "later")
    with (
        serving(Control(later), language="en", port=free_port()) as page,
        browsing(page) as client,
        events(client, study="") as news,
    ):
        assert next(news)[1]["there"] is False
        workspace.path.rename(later.path)
        assert len(until_known(news, 4)[1]["runs"]) == 4


def test_ten_pages_are_all_served_though_a_browser_opens_six_connections(
    own: httpx.Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first few stay open; each further one tells what there is, ends, and is asked for again."""
    run = unfinished(workspace)
    with ExitStack() as stack:
        staying = [stack.enter_context(events(own)) for _ in range(stream.OPEN)]
        for news in staying:
            until_known(news, 4)
        seen = []
        for _ in range(6):
            with events(own) as news:
                told = list(news)  # it ends
            assert len(told) == 1
            seen.append(told[0][0])
        grow(run, first=141, steps=5)
        for news in staying:
            assert lines_of(news, run.path.name)["step"] == [141, 142, 143, 144, 145]
        with events(own, since=seen[-1]) as news:
            ((_, again),) = list(news)
        assert again["lines"][run.path.name]["step"][-1] == 145


def test_what_lies_between_two_steps_is_told_in_detail(own: httpx.Client, workspace: Workspace) -> None:
    run = unfinished(workspace)
    grow(run, first=141, steps=5000)
    with events(own) as news:
        _, known = until_known(news, 4)
    assert len(known["lines"][run.path.name]["step"]) <= 1000
    near = own.get("/curves/window", params={"study": "lab", "from": 200, "to": 300}).json()
    assert near[run.path.name]["step"] == list(range(200, 301))
    assert own.get("/curves/window", params={"study": "lab", "from": "nan", "to": 1}).status_code == 409


def test_the_server_ends_though_pages_listen(workspace: Workspace) -> None:
    """Leaving `serving` is what Ctrl-C does; the stream of a page that listens is closed in order."""
    page = serving(Control(workspace), language="en", port=free_port())
    with browsing(page.__enter__()) as client, events(client) as news:
        until_known(news, 4)
        page.__exit__(None, None, None)
        assert all("lines" not in each for _, each in news)
