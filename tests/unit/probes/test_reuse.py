"""Who reads whom: against planted weights, sums by hand, and weights zeroed by hand."""

from copy import deepcopy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from told import told
from torch import Tensor, nn
from torch.nn.functional import conv2d, cross_entropy, relu

from skipscope.probes.base import View
from skipscope.probes.measure import view_of
from skipscope.probes.reuse import by_ablation, by_weight, targets

STEM, GROWTH = 4, 2
WIDTHS = {"stem": (0, 4), "first.conv": (4, 6), "second.conv": (6, 8), "third.conv": (8, 10)}
"""Where each source's channels lie once all are there."""


class Layer(nn.Module):
    def __init__(self, inputs: int, kernel: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(inputs)
        self.conv = nn.Conv2d(inputs, GROWTH, kernel, padding=kernel // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.conv(relu(self.norm(x)))], 1)


class Dense(nn.Module):
    """A stem, three dense layers, a classifier on the flattened maps."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, STEM, 3, padding=1)
        self.first, self.second, self.third = Layer(4, 3), Layer(6, 1), Layer(8, 3)
        self.pool, self.fc = nn.AvgPool2d(4), nn.Linear(10 * 2 * 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.third(self.second(self.first(self.stem(x))))
        return self.fc(self.pool(x).flatten(1))


def dense() -> Dense:
    """With running means of its BatchNorms that are not 0: a zero after them is not a zero before."""
    torch.manual_seed(0)
    model = Dense()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean)
            nn.init.normal_(module.bias)
            module.num_batches_tracked += 1  # an untrained one would take others
    return model.eval()


def seen(model: nn.Module, images: int = 40) -> View:
    generator = torch.Generator().manual_seed(1)
    return view_of(model, torch.randn(images, 3, 8, 8, generator=generator), torch.arange(images) % 3)


def columns(model: Dense, target: str, source: str) -> Tensor:
    """The weights of `target` that meet the channels of `source`, as a view."""
    start, end = WIDTHS[source]
    if target == "fc":
        return model.fc.weight[:, 4 * start : 4 * end]  # 2 x 2 pixels of each channel
    return model.get_submodule(target).weight[:, start:end]


TARGETS = {
    "second.conv": ["stem", "first.conv"],
    "third.conv": ["stem", "first.conv", "second.conv"],
    "fc": ["stem", "first.conv", "second.conv", "third.conv"],
}
PAIRS = [(target, source) for target, sources in TARGETS.items() for source in sources]


def test_the_map_by_weight_is_that_of_sums_by_hand() -> None:
    model = dense()
    found = told(by_weight(seen(model)))
    sizes = {pair: columns(model, *pair).abs().mean().item() for pair in PAIRS}
    assert len(found) == 2 * len(PAIRS)
    for (target, source), size in sizes.items():
        whole = sum(sizes[target, other] for other in TARGETS[target])
        assert found[target, "weight", source] == pytest.approx(size, rel=1e-5)  # fp32 sums in two orders
        assert found[target, "share", source] == pytest.approx(size / whole, rel=1e-5)


def test_the_map_by_ablation_is_that_of_weights_zeroed_by_hand() -> None:
    model = dense()
    view = seen(model)
    found = told(by_ablation(view))

    def outcome(without: list[tuple[str, str]]) -> tuple[float, float]:
        changed = deepcopy(model)
        with torch.no_grad():
            for target, source in without:
                columns(changed, target, source).zero_()
            logits = changed(view.images)
        loss = cross_entropy(logits.double(), view.labels).item()
        return loss, (logits.argmax(1) == view.labels).double().mean().item()

    loss, accuracy = outcome([])
    cases = {pair: [pair] for pair in PAIRS}
    for source in WIDTHS:
        of_all = [pair for pair in PAIRS if pair[1] == source]
        # the first layer reads the stem alone, and is one of its readers
        cases[None, source] = of_all + [("first.conv", "stem")] * (source == "stem")
    assert len(found) == 2 * len(cases)
    for (target, source), without in cases.items():
        reader = [] if target is None else [target]  # none: all that read it
        changed = outcome(without)
        # a product with zeros in the weight or in the input: the same but for the order of fp32 sums
        assert found[*reader, "loss_change", source] == pytest.approx(changed[0] - loss, abs=1e-6)
        assert found[*reader, "accuracy_change", source] == pytest.approx(changed[1] - accuracy, abs=1e-12)
    assert found["loss_change", "stem"] != found["fc", "loss_change", "stem"]


def test_a_layer_that_ignores_its_early_inputs_is_found_both_ways() -> None:
    model = dense()
    with torch.no_grad():
        columns(model, "third.conv", "stem").zero_()
        columns(model, "third.conv", "first.conv").zero_()
    weights, costs = told(by_weight(seen(model))), told(by_ablation(seen(model)))
    for source in ("stem", "first.conv"):
        assert weights["third.conv", "share", source] == 0
        assert costs["third.conv", "loss_change", source] == pytest.approx(0, abs=1e-12)
        assert costs["third.conv", "accuracy_change", source] == 0
    assert weights["third.conv", "share", "second.conv"] == 1
    assert abs(costs["third.conv", "loss_change", "second.conv"]) > 1e-3


def test_a_large_weight_on_what_is_always_zero_counts_by_weight_and_not_by_ablation() -> None:
    model = dense()
    with torch.no_grad():
        model.first.conv.weight.zero_()
        columns(model, "fc", "first.conv").fill_(5)
    weights, costs = told(by_weight(seen(model))), told(by_ablation(seen(model)))
    assert weights["fc", "share", "first.conv"] > 0.9
    assert costs["fc", "loss_change", "first.conv"] == pytest.approx(0, abs=1e-12)


class Twice(nn.Module):
    """The same place in a list twice, groups, and a convolution that has no module."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.more = nn.Conv2d(3, 2, 3, padding=1), nn.Conv2d(2, 2, 1)
        self.kernel = nn.Parameter(torch.randn(3, 6, 1, 1))
        self.grouped = nn.Conv2d(4, 6, 3, groups=2)
        self.fc = nn.Linear(9, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        f = self.more(x)
        free = conv2d(torch.cat([x, f, x], 1), self.kernel)
        grouped = self.grouped(torch.cat((f, x), 1))
        return self.fc(torch.cat([free[:, :, 1:-1, 1:-1], grouped], dim=1).mean((2, 3)))


def test_a_source_read_in_two_places_of_a_functional_convolution_is_one_source() -> None:
    torch.manual_seed(0)
    view = seen(Twice())
    model, found = view.model, told(by_weight(view))
    size = model.kernel.abs()[:, [0, 1, 4, 5]].mean().item()
    other = model.kernel.abs()[:, 2:4].mean().item()
    assert found["conv", "weight", "stem"] == pytest.approx(size, rel=1e-5)
    assert found["conv", "share", "more"] == pytest.approx(other / (size + other), rel=1e-5)

    costs = told(by_ablation(view))
    with torch.no_grad():
        intact = cross_entropy(model(view.images).double(), view.labels).item()
        model.kernel[:, [0, 1, 4, 5]] = 0
        changed = cross_entropy(model(view.images).double(), view.labels).item()
    # as above: fp32 sums in another order
    assert costs["conv", "loss_change", "stem"] == pytest.approx(changed - intact, abs=1e-6)


def test_a_group_reads_its_own_channels() -> None:
    torch.manual_seed(0)
    view = seen(Twice())
    weight, found = view.model.grouped.weight, told(by_weight(view))  # 6 2 3 3: outputs 0-2 read `more`
    for source, outputs in (("more", slice(0, 3)), ("stem", slice(3, 6))):
        by_hand = weight[outputs].abs().mean().item()
        assert found["grouped", "weight", source] == pytest.approx(by_hand, rel=1e-5)


def test_weights_that_are_all_zero_have_no_shares() -> None:
    model = dense()
    nn.init.zeros_(model.second.conv.weight)
    found = told(by_weight(seen(model)))
    assert found["second.conv", "weight", "stem"] == 0
    assert found["second.conv", "share", "stem"] != found["second.conv", "share", "stem"]  # not a number


@pytest.mark.parametrize(("budget", "each"), [(10_000, 100), (1_400, 100), (700, 50), (140, 32)])
def test_the_number_of_images_follows_from_the_budget(
    budget: int, each: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skipscope.probes.schedule.IMAGE_PASSES", budget)
    view = seen(dense(), images=100)
    passed: list[int] = []
    handle = view.model.register_forward_pre_hook(lambda _, inputs: passed.append(len(inputs[0])))
    list(by_ablation(view))
    handle.remove()
    assert passed == [each] * (1 + len(PAIRS) + len(WIDTHS))


def test_a_layer_whose_sources_are_not_known_to_the_channel_is_no_target() -> None:
    class Padded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.more, self.read = nn.Conv2d(3, 2, 1), nn.Conv2d(2, 2, 1), nn.Conv2d(6, 3, 8)

        def forward(self, x: Tensor) -> Tensor:
            x = self.stem(x)
            return self.read(torch.cat([x, self.more(x), torch.zeros(len(x), 2, 8, 8)], 1)).flatten(1)

    view = seen(Padded())
    assert view.anatomy.of("conv")[-1].sources == ()
    assert targets(view.anatomy) == []


@settings(max_examples=5)
@given(order=st.permutations(range(STEM)), images=st.permutations(range(40)))
def test_the_order_of_channels_and_of_images_does_not_matter(order: list[int], images: list[int]) -> None:
    model = dense()
    view = seen(model)
    turned = deepcopy(model)
    moved = [*order, *range(STEM, 10)]
    with torch.no_grad():
        turned.stem.weight.copy_(model.stem.weight[order])
        turned.stem.bias.copy_(model.stem.bias[order])
        for name, inputs in (("first", 4), ("second", 6), ("third", 8)):
            layer = turned.get_submodule(name)
            for values in (*layer.norm.parameters(), layer.norm.running_mean, layer.norm.running_var):
                values.copy_(values.clone()[moved[:inputs]])
            layer.conv.weight.copy_(layer.conv.weight.clone()[:, moved[:inputs]])
        turned.fc.weight.copy_(turned.fc.weight.clone().unflatten(1, (10, 4))[:, moved].flatten(1))
    other = view_of(turned, view.images[images], view.labels[images])
    for probe in (by_weight, by_ablation):
        before, after = told(probe(view)), told(probe(other))
        assert before.keys() == after.keys()
        # channels are added up in another order, in fp32
        assert all(after[key] == pytest.approx(value, rel=1e-4, abs=2e-6) for key, value in before.items())
