"""Long measurements are announced with an estimate, and show how far they are."""

import io

import pytest
import torch
from rich.console import Console
from torch import nn

from skipscope.api import measuring as shown
from skipscope.api.measuring import Clock, measuring
from skipscope.api.probe import probe
from skipscope.probes.cost import estimated
from skipscope.probes.registry import PROBES


class Time:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(shown, "perf_counter", time)
    return time


def test_what_the_first_probes_took_corrects_the_rest(time: Time) -> None:
    clock = Clock({"one": 10.0, "other": 30.0})
    clock.begin("one")
    assert (clock.total, clock.done, clock.left) == (40, 0, 40)
    time.now = 5
    assert (clock.done, clock.left) == (5, 35)
    time.now = 20  # it takes longer than estimated: the bar waits for it
    assert (clock.done, clock.left) == (10, 30)
    clock.begin("other")  # twice as long
    assert (clock.done, clock.left) == (10, 60)
    time.now = 50
    assert (clock.done, clock.left) == (25, 30)
    assert str(clock) == "measuring 2 of 2: other"


def told(estimates: dict[str, float], *, worth: float = 0.0, terminal: bool = False) -> str:
    stream = io.StringIO()
    with measuring(Console(file=stream, force_terminal=terminal, width=90), worth=worth) as on_probe:
        for name in estimates:
            on_probe(name, estimates)
    return stream.getvalue()


@pytest.mark.usefixtures("time")
def test_the_estimate_comes_first_and_lines_follow_where_there_is_no_terminal() -> None:
    assert told({"one": 10.0, "other": 80.0}) == (
        "2 probes: about 1 min 30 s in all, by the time of a forward pass\n"
        "measuring 1 of 2: one, about 1 min 30 s left\n"
        "measuring 2 of 2: other, about 0 s left\n"
    )
    assert told({"one": 1.0}, worth=10) == told({"one": 1.0}, worth=10, terminal=True) == ""


def test_a_terminal_has_a_bar() -> None:
    output = told({"one": 20.0, "other": 80.0}, worth=10, terminal=True)
    assert "about 1 min 40 s in all" in output
    assert "measuring 2 of 2: other" in output


def test_a_probe_is_priced_by_the_passes_that_it_makes() -> None:
    passes: list[int] = []
    network = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 4)).eval()
    network.register_forward_pre_hook(lambda _module, given: passes.append(len(given[0])))
    images = torch.randn(80, 3, 8, 8)
    found = estimated(network, images, ["answers", "landscape", "curvature", "linear_probes"], 40)
    assert passes == [50] * 4  # one allocates, and the best of three counts
    assert 0 < found["answers"] < found["landscape"] < found["curvature"]
    assert found["landscape"] / found["answers"] == pytest.approx(PROBES["landscape"].passes(40) / 40)
    # some of it does not depend on the network
    assert found["linear_probes"] == pytest.approx(found["answers"] + PROBES["linear_probes"].seconds)


def test_a_short_measurement_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(192, 4))
    probe(network, torch.randn(8, 3, 8, 8), torch.arange(8) % 4, probes=["answers"])
    assert capsys.readouterr() == ("", "")
