"""The usual loop and ours in turns."""

import json
import multiprocessing as mp
from collections.abc import Iterator
from itertools import count

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from skipscope.bench import usual
from skipscope.bench.contest import Turns, contest, convolution_peak, in_turn
from skipscope.cli import app
from skipscope.data.dataset import Dataset, load
from skipscope.engine.autotune import Autotuner, BackendChoice, stock


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load("shapes", train_limit=200)


def test_a_ratio_is_of_the_rounds_not_of_the_medians() -> None:
    """A minute in which the machine is slow slows both."""
    result = Turns(usual=(100.0, 50.0, 100.0), ours=(300.0, 150.0, 310.0))
    assert result.ratios == [3.0, 3.0, 3.1]
    assert result.ratio == 3.0
    assert result.spread == pytest.approx(0.1)


@pytest.mark.parametrize("gone_at", [0, 2])
def test_a_contestant_ends_quietly_when_its_parent_is_gone(gone_at: int) -> None:
    """After Ctrl-C its pipe is closed: before it is ready, or in its turn, when "ready" was not read yet."""
    parent, pipe = mp.Pipe()
    parent.send(0.01)

    def steps() -> Iterator[int]:
        for number in count():
            if number == gone_at:
                parent.close()
            yield 1

    in_turn(steps(), pipe)


def test_without_augmentation_the_usual_input_is_ours(data: Dataset) -> None:
    images = usual.Images(data, data.train, augmented=False)
    x, label = images[7]
    pixels, labels = data.train.take(np.arange(8))
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (data.mean, data.std))
    # one division and one subtraction in fp32, in another order
    torch.testing.assert_close(
        x, (torch.from_numpy(pixels[7]).permute(2, 0, 1) / 255 - mean) / std, rtol=1e-5, atol=1e-5
    )
    assert label == labels[7]
    assert len(images) == 200


def test_augmented_it_is_a_crop_of_the_padded_image_perhaps_flipped(data: Dataset) -> None:
    torch.manual_seed(0)
    images = usual.Images(data, data.train, augmented=True)
    plain, _ = usual.Images(data, data.train, augmented=False)[3]
    shown = torch.stack([images[3][0] for _ in range(60)])
    assert shown.shape == (60, 3, 32, 32)
    assert len({x.sum().item() for x in shown}) > 10
    # among 60 draws of 81 crops and 2 flips, some crop is near the middle: most of the image is there
    middle = torch.stack([plain, plain.flip(2)])[:, :, 8:24, 8:24]
    near = [
        torch.allclose(x[:, 8 + dy : 24 + dy, 8 + dx : 24 + dx], m, atol=1e-5)
        for x in shown
        for m in middle
        for dy in range(-4, 5)
        for dx in range(-4, 5)
    ]
    assert sum(near) >= 60


@pytest.mark.slow  # the usual loop starts its loader's processes anew for each network
def test_a_contest_measures_both() -> None:
    result = contest("cnn", stock(1), data="shapes", data_dir=None, rounds=2, seconds=0.2, runs=2)
    assert len(result.usual) == len(result.ours) == 2
    assert min(*result.usual, *result.ours) > 0


def test_the_peak_is_above_nothing() -> None:
    assert convolution_peak(torch.float32) > 0


@pytest.mark.parametrize(
    ("json_wanted", "taken"), [(True, 0.01), (False, 0.01), (False, 0.5), (True, None), (False, None)]
)
def test_the_command_reports_each_network_and_the_mean(
    monkeypatch: pytest.MonkeyPatch, json_wanted: bool, taken: float | None
) -> None:
    def quick(name: str, *_: object, **__: object) -> Turns:
        ours = {"cnn": 200.0, "resnet": 800.0}[name]
        return Turns(usual=(100.0,) * 3, ours=(ours, ours, ours + 10), others=taken)

    choice = BackendChoice(backend=stock(1), speedup=1.0, agreement=1.0)
    monkeypatch.setattr(Autotuner, "choose", lambda *_, **__: choice)
    monkeypatch.setattr("skipscope.bench.contest.contest", quick)
    monkeypatch.setattr("skipscope.bench.contest.convolution_peak", lambda _: 100.0)
    arguments = ["bench", "--quick", "--network", "cnn", "--network", "resnet"]
    done = CliRunner().invoke(app, [*arguments, "--json"] if json_wanted else arguments)
    assert done.exit_code == 0, done.output
    if json_wanted:
        table = json.loads(done.stdout)
        assert table["schema"] == 1
        assert table["ratio"] == pytest.approx(4.0)
        assert set(table["networks"]["cnn"]) >= {"usual", "ours", "ratio", "spread"}
        assert table["networks"]["cnn"]["spread"] == pytest.approx(0.1)
        assert table["quiet"] is (None if taken is None else True)
        assert table["others"] == taken
    else:
        assert "speedup 4.00" in done.stdout
        told = "is not known" if taken is None else f"took up to {taken:.0%} of the cores"
        assert told in " ".join(done.stdout.split())
        assert ("The machine was quiet" in done.stdout) == (taken == 0.01)
        assert ("not to be quoted" in done.stdout) == (taken == 0.5)


def test_the_usual_loop_evaluates_on_every_validation_image(
    data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usual, "WORKERS", 0)  # of how many processes load images the accuracy knows nothing
    labels = torch.from_numpy(data.validation.take(np.arange(len(data.validation)))[1])

    class AlwaysThree(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.one_hot(torch.full((len(x),), 3), 10).float()

    assert usual.accuracy(AlwaysThree(), data) == pytest.approx((labels == 3).float().mean().item())
