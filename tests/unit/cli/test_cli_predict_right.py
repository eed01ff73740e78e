"""How often a network is right, as `skipscope predict` tells it from the records."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image
from typer.testing import CliRunner

from skipscope.analysis.pictures import right_when_said
from skipscope.cli import app
from skipscope.cli.options import console
from skipscope.records.arrays import packed_arrays
from skipscope.records.files import write_whole
from skipscope.records.readings import READINGS
from skipscope.records.store import Workspace

LABELS = np.array([3, 3, 5, 5, 7, 3])


def answers(run: str, said: list[float], step: int = 3) -> pl.DataFrame:
    """Readings of a network that answers so on the first images of the sample."""
    rows = [
        {"run": run, "probe": "answers", "step": step, "quantity": quantity, "image": image, "value": value}
        for image, answer in enumerate(said)
        for quantity, value in (("answer", answer), ("confidence", 0.5))
    ]
    whole = {"run": run, "probe": "answers", "step": step, "quantity": "accuracy", "value": 0.5}
    return pl.DataFrame([*rows, whole], schema=READINGS)


def test_answers_are_counted_with_those_that_are_right() -> None:
    frame = answers("a", [3, 5, 5, 3, 3, float("nan")])
    assert right_when_said(frame, LABELS) == {3: (3, 1), 5: (2, 1)}
    at_equal_loss = answers("a", [7, 7, 7, 7, 7, 7], step=2)
    assert right_when_said(pl.concat([at_equal_loss, frame]), LABELS) == {3: (3, 1), 5: (2, 1)}
    assert right_when_said(frame, LABELS[:2]) == {3: (1, 1), 5: (1, 0)}
    assert right_when_said(frame.clear(), LABELS) == {}


def call(*words: str | Path) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(console, "_width", 200)
        return CliRunner().invoke(app, ["predict", *map(str, words)], catch_exceptions=False)


def test_each_network_says_how_often_it_is_right(trained: Workspace, tmp_path: Path) -> None:
    Image.new("RGB", (32, 32), "red").save(tmp_path / "a.png")
    words = (tmp_path / "a.png", "-w", trained.path)
    before = json.loads(call(*words, "--json").stdout)["images"][0]["answers"]
    assert [answer["validation"] for answer in before] == [{"same_answer": 0, "right": 0}] * 2
    assert "How often" not in call(*words).stdout  # it was not measured
    study = trained.study()
    write_whole(trained.sample_file(study.data.sha256), packed_arrays({"labels": LABELS}))
    cnn, skips = before
    first = study.data.classes.index(cnn["top"][0]["class"])
    said = [first if label == 3 else -1.0 for label in LABELS]
    trained.run_folder(cnn["run"]).write_readings(answers(cnn["run"], said))
    [first_answer, other] = json.loads(call(*words, "--json").stdout)["images"][0]["answers"]
    right = 3 if first == 3 else 0
    assert first_answer["validation"] == {"same_answer": 3, "right": right}
    assert other["validation"]["same_answer"] == 0
    told = call(*words).stdout
    assert f"first answers are right on validation images: cnn {right / 3:.0%} (of 3).\n" in told
    shares = []
    for answer in (cnn, skips):
        result = trained.run(answer["run"]).result
        assert result is not None
        assert answer["test_accuracy"] == result.test_accuracy
        shares.append(f"{answer['arm']} {result.test_accuracy:.1%}")
    assert f"Right on the 1,000 test images, sealed until training ended: {', '.join(shares)}." in told
