"""`skipscope.probe` on networks as people bring them: what is measured all the same, and what is said."""

import random
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from skipscope.api.probe import probe
from skipscope.errors import ProbeError, UsageError

IMAGES = torch.randn(12, 3, 8, 8, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(12) % 5


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 6 * 6, 5)
    )


class NeverTrained(nn.Module):
    """What gives answers and cannot be trained."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = network()

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            raise RuntimeError("for inference only.\nSee the manual.")
        return self.inner(x)


def test_what_one_probe_cannot_measure_the_others_do() -> None:
    model = NeverTrained()
    with pytest.warns(UserWarning, match=r"gradient_flow \(RuntimeError: for inference only\)\.\n") as warned:
        found = probe(model, IMAGES, LABELS, probes=["answers", "gradient_flow", "redundancy"])
    assert "next:" in str(warned[0].message)
    assert warned[0].filename == __file__
    assert set(found["probe"]) == {"answers", "redundancy"}
    assert found.equals(probe(model, IMAGES, LABELS, probes=["answers", "redundancy"]))


def test_if_no_probe_can_it_is_an_error() -> None:
    with pytest.raises(ProbeError, match="gradient_flow") as caught:
        probe(NeverTrained(), IMAGES, LABELS, probes=["gradient_flow"])
    assert isinstance(caught.value.__cause__, ExceptionGroup)


class Chancy(nn.Module):
    """Draws from every generator there is."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = network()

    def forward(self, x: Tensor) -> Tensor:
        drawn = random.random() + np.random.rand() + torch.rand(1)  # noqa: NPY002 - as people do
        return drawn * self.inner(x)


def test_no_generator_is_moved_and_what_is_drawn_is_a_function_of_the_seed() -> None:
    def standing() -> list[object]:
        numpys = np.random.get_state()  # noqa: NPY002
        return [random.getstate(), numpys[1].tolist(), numpys[2], torch.get_rng_state().tolist()]

    model, names = Chancy().eval(), ["answers", "gradient_flow"]
    before = standing()
    first = probe(model, IMAGES, LABELS, probes=names)
    assert standing() == before
    model(IMAGES)  # moves all of them
    assert standing() != before
    assert first.equals(probe(model, IMAGES, LABELS, probes=names))


class Gives(nn.Module):
    """Something else than logits, always or only where it is trained."""

    def __init__(self, output: Callable[[Tensor], object], *, always: bool = True) -> None:
        super().__init__()
        self.inner, self.output, self.always = network(), output, always

    def forward(self, x: Tensor) -> object:
        found = self.inner(x)
        return self.output(found) if self.always or self.training else found


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (lambda x: (x, x), "a tuple"),
        (lambda x: {"logits": x}, "a dict"),
        (lambda x: x[:, :, None, None], "2 x 5 x 1 x 1 numbers"),
        (lambda x: x.mean(1), "2 numbers"),
        (lambda x: x.flatten(), "10 numbers"),
        (lambda x: x.argmax(1, keepdim=True), "2 x 1 numbers (torch.int64)"),
        (lambda _: None, "a NoneType"),
    ],
)
def test_what_a_network_has_to_give_is_said(output: Callable[[Tensor], object], said: str) -> None:
    with pytest.raises(UsageError, match="For 2 images") as caught:
        probe(Gives(output), IMAGES, LABELS)
    assert said in caught.value.what
    assert "2 x classes" in caught.value.what


def test_what_gives_more_only_in_training_is_measured_as_it_answers() -> None:
    model = Gives(lambda x: (x, x), always=False)
    with pytest.warns(UserWarning, match=r"gradient_flow \(For 12 images the network returns a tuple"):
        found = probe(model, IMAGES, LABELS, probes=["answers", "gradient_flow"])
    assert set(found["probe"]) == {"answers"}


@pytest.mark.parametrize("wrong", [5, -1, -100])
def test_labels_are_the_numbers_of_its_classes(wrong: int) -> None:
    with pytest.raises(UsageError, match="the network returns 5 logits") as caught:
        probe(network(), IMAGES, LABELS.clone().index_fill_(0, torch.tensor([3]), wrong))
    assert "from 0 to 4" in caught.value.hint


def compiled_inside() -> nn.Module:
    whole = network()
    return nn.Sequential(torch.compile(whole[:3], backend="eager"), whole[3:])


def compiled_itself() -> nn.Module:
    model = network()
    model.compile(backend="eager")
    return model


NAMES = ["answers", "gradient_flow", "activations", "redundancy", "shattering"]


def test_a_compiled_network_is_measured_as_it_was_written() -> None:
    expected = probe(network(), IMAGES, LABELS, probes=NAMES)
    assert probe(torch.compile(network(), backend="eager"), IMAGES, LABELS, probes=NAMES).equals(expected)
    assert probe(compiled_itself(), IMAGES, LABELS, probes=NAMES).equals(expected)
    inside = probe(compiled_inside(), IMAGES, LABELS, probes=NAMES)
    assert inside["value"].equals(expected["value"])  # under other names: it has one module more


@pytest.mark.filterwarnings("ignore:`torch.jit")
@pytest.mark.parametrize("inside", [False, True])
def test_what_torch_jit_made_is_not_heard_and_that_is_said(*, inside: bool) -> None:
    model = torch.jit.trace(network().eval(), IMAGES)
    with pytest.raises(UsageError, match="TorchScript"):
        probe(nn.Sequential(model) if inside else model, IMAGES, LABELS)


def test_what_is_no_module_is_no_network() -> None:
    with pytest.raises(UsageError, match=r"Expected a torch\.nn\.Module, got a function"):
        probe(lambda x: x, IMAGES, LABELS)  # type: ignore[arg-type]


class OfEverything(nn.Module):
    """A gated residual block and a concatenation, for every probe to have something to measure."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.inner = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3, padding=1)
        self.gate, self.more, self.read = nn.Linear(4, 4), nn.Conv2d(4, 2, 3), nn.Linear(6 * 16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        f = self.inner(x)
        f = f * torch.sigmoid(self.gate(f.mean((2, 3))))[:, :, None, None]
        x = torch.relu(f + x)
        return self.read(torch.cat([x[:, :, 1:-1, 1:-1], self.more(x)], 1).flatten(1))


COUNTED = {"depth", "iterations"}
"""What a probe counts, whatever the numbers are."""


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_of_weights_that_are_no_numbers_nothing_is_read(value: float) -> None:
    sound, model = probe(OfEverything(), IMAGES, LABELS), OfEverything()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(value)
    found = probe(model, IMAGES, LABELS)
    assert set(found["probe"]) == set(sound["probe"])
    told = found.filter(found["value"].is_not_null() & ~found["quantity"].is_in(COUNTED))
    assert told.rows() == []


def test_of_images_without_an_answer_nothing_is_read_and_of_the_others_all_is() -> None:
    images = IMAGES.clone()
    images[3] = torch.nan
    found, sound = (probe(network(), x, LABELS, probes=["answers"]) for x in (images, IMAGES))
    lost = (found["image"] == 3).fill_null(value=True)
    assert found.filter(lost)["value"].is_null().all()
    assert found.filter(~lost).equals(sound.filter(~lost))


def test_a_class_that_a_network_rules_out_leaves_its_answers() -> None:
    class Without(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x[:, 0, 0, :5].masked_fill(torch.arange(5) == 4, -torch.inf)

    found = probe(Without(), IMAGES, LABELS % 4, probes=["answers"])
    assert found["value"].is_not_null().all()
