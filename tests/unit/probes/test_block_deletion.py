"""Blocks taken out: against forward passes written without them, and where it is known which block counts."""

import math
from collections.abc import Callable, Collection, Iterable
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, relu

from skipscope.models.registry import build
from skipscope.probes.base import Reading, View
from skipscope.probes.block_deletion import BLOCK_DELETION, blocks_of, drawn, measure
from skipscope.probes.measure import measure as in_fp32
from skipscope.probes.measure import view_of

CLASSES = 4
STYLES = ("functional", "in place", "plain")


def told(readings: Iterable[Reading]) -> dict[tuple[str, str], float]:
    return {(reading.place, reading.quantity): reading.value for reading in readings}


def seen(model: nn.Module, images: int = 40, seed: int = 0, side: int = 8) -> View:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(images, 3, side, side, generator=generator)
    return view_of(model, x, torch.arange(images) % CLASSES, seed=seed)


def norm(channels: int) -> nn.BatchNorm2d:
    """With statistics and biases that are not those of a fresh one."""
    made = nn.BatchNorm2d(channels)
    for values in (made.running_mean, made.bias):
        nn.init.normal_(values, std=0.3)
    nn.init.uniform_(made.running_var, 0.5, 2)
    return made


class Block(nn.Module):
    """conv-norm-relu-conv-norm, with a shortcut or without, as `style` says."""

    def __init__(self, style: str, inputs: int, outputs: int, factor: float = 1.0) -> None:
        super().__init__()
        self.style, self.factor = style, factor
        stride = 1 if inputs == outputs else 2
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False), norm(outputs)
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), norm(outputs)
        self.relu = nn.ReLU(inplace=style == "in place")
        self.project = nn.Conv2d(inputs, outputs, 1, 2) if stride == 2 and style != "plain" else None

    def shortcut(self, x: Tensor) -> Tensor:
        return self.factor * (x if self.project is None else self.project(x))

    def forward(self, x: Tensor) -> Tensor:
        f = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        if self.style == "in place":
            f += self.shortcut(x)
        elif self.style == "functional":
            f = self.shortcut(x) + f
        return self.relu(f)


class Net(nn.Module):
    """Five blocks, the third of which changes the shape."""

    def __init__(self, style: str = "functional", factor: float = 1.0) -> None:
        super().__init__()
        self.stem, self.bn = nn.Conv2d(3, 6, 3, padding=1), norm(6)
        widths = (6, 6, 6, 8, 8, 8)
        pairs = pairwise(widths)
        self.body = nn.Sequential(*(Block(style, before, after, factor) for before, after in pairs))
        self.fc = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.body(relu(self.bn(self.stem(x)))).mean((2, 3)))


def net(style: str = "functional", factor: float = 1.0) -> Net:
    torch.manual_seed(0)
    return Net(style, factor)


def by_hand(model: Net, x: Tensor, without: Collection[str]) -> Tensor:
    """The forward pass, without these blocks' branches (of a plain network: without these blocks)."""
    x = relu(model.bn(model.stem(x)))
    for place, block in enumerate(model.body):
        assert isinstance(block, Block)
        gone = f"body.{place}" in without
        if block.style == "plain":
            x = x if gone else block(x)
        else:
            f = 0 if gone else block.bn2(block.conv2(relu(block.bn1(block.conv1(x)))))
            x = relu(f + block.shortcut(x))
    return model.fc(x.mean((2, 3)))


def outcome_of(logits: Tensor, labels: Tensor) -> tuple[float, float]:
    right = (logits.argmax(1) == labels).double().mean()
    return cross_entropy(logits.double(), labels).item(), right.item()


def agree(view: View, forward: Callable[[Collection[str]], Tensor]) -> None:
    """Every reading is the difference of `forward` without the blocks it names and with all."""
    found = told(measure(view))
    with torch.no_grad():
        loss, accuracy = outcome_of(forward(()), view.labels)
        # another order of fp32 sums (a padded product, a shortcut added from the other side)
        assert found.pop(("intact", "loss")) == pytest.approx(loss, abs=2e-6)
        assert found.pop(("intact", "accuracy")) == accuracy
        sets = drawn(view, list(blocks_of(view.anatomy)))
        for place in {place for place, _ in found}:
            gone = sets.get(place, place.split(" + "))
            changed = outcome_of(forward(gone), view.labels)
            assert found[place, "loss_change"] == pytest.approx(changed[0] - loss, abs=4e-6)
            assert found[place, "accuracy_change"] == pytest.approx(changed[1] - accuracy, abs=1e-12)


@pytest.mark.parametrize("style", STYLES)
def test_a_block_taken_out_is_the_forward_pass_written_without_it(style: str) -> None:
    view = seen(net(style))
    agree(view, lambda without: by_hand(view.model, view.images, without))
    places = [place for place, quantity in told(measure(view)) if quantity == "loss_change"]
    alone = [f"body.{place}" for place in range(5) if style != "plain" or place != 2]
    assert places[: len(alone)] == alone  # a report takes the order for that of the network
    pairs = [f"{one} + {other}" for one, other in pairwise(alone)]
    # three quarters of 5 or 4 blocks, and half of 5 is 2 (pairs there are already)
    sets = [f"{round(0.75 * len(alone))} blocks, draw {draw}" for draw in (1, 2, 3)]
    assert places[len(alone) :] == pairs + sets


def test_a_block_that_alone_writes_what_the_classifier_reads_is_found() -> None:
    """Six channels: the image in three, and the classifier reads the other three, which body.1 fills."""

    class Planted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(3, 6, 1, bias=False)
            self.body = nn.Sequential(*(Added() for _ in range(4)))
            self.fc = nn.Linear(6, CLASSES - 1, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.body(self.stem(x)).mean((2, 3)))

    class Added(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(6, 6, 1, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(x) + x

    model = Planted()
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
        for channel in range(3):
            model.stem.weight[channel, channel] = 1
            model.body[1].conv.weight[3 + channel, channel] = 1
            model.fc.weight[channel, 3 + channel] = 9
    labels = torch.arange(30) % 3
    images = torch.nn.functional.one_hot(labels, 3).float()[:, :, None, None].expand(30, 3, 4, 4)
    found = told(measure(view_of(model, images, labels)))
    loss = math.log1p(2 * math.exp(-9))  # a right answer with 9 against 0 and 0
    assert found["intact", "loss"] == pytest.approx(loss, rel=1e-5)
    assert found["intact", "accuracy"] == 1
    for place in ("body.0", "body.2", "body.3", "body.2 + body.3"):
        assert found[place, "loss_change"] == found[place, "accuracy_change"] == 0
    for place in ("body.1", "body.0 + body.1", "body.1 + body.2"):
        assert found[place, "loss_change"] == pytest.approx(math.log(3) - loss, rel=1e-6)  # all logits 0
        assert found[place, "accuracy_change"] == pytest.approx(1 / 3 - 1)


@pytest.mark.parametrize(("factor", "kept"), [(1.0, True), (0.0, False)])
def test_without_a_working_shortcut_nothing_is_left_of_the_image(factor: float, kept: bool) -> None:
    """The planted fault: shortcuts multiplied by zero; beside it, shortcuts that carry more than branches."""
    model = net(factor=factor)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
    with torch.no_grad():
        for block in model.body:
            block.bn2.weight.fill_(0.1 if kept else 1)
        view = seen(model)
        logits = by_hand(view.model, view.images, ())
        view.model.fc.bias.sub_(logits.mean(0))  # now its answers differ between images; it is right by word
        view = view_of(view.model, view.images, (logits - logits.mean(0)).argmax(1))
    agree(view, lambda without: by_hand(view.model, view.images, without))
    largest_class = view.labels.bincount().max().item() / len(view.labels)
    found = told(measure(view))
    assert found["intact", "accuracy"] == 1
    assert largest_class < 0.6
    for place in ("body.0", "body.1", "body.3", "body.4"):
        left = 1 + found[place, "accuracy_change"]
        assert left > 0.75 if kept else left <= largest_class + 1e-9  # one answer for all images


class Layer(nn.Module):
    """BatchNorm, ReLU, convolution: two new channels."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.norm, self.conv = norm(inputs), nn.Conv2d(inputs, 2, 3, padding=1)

    def new(self, x: Tensor) -> Tensor:
        return self.conv(relu(self.norm(x)))


class Appending(Layer):
    """Hands on what it read and what it adds."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.new(x)], 1)


class Listed(Layer):
    """Is given all maps so far and hands on its own."""

    def forward(self, maps: list[Tensor]) -> Tensor:
        return self.new(torch.cat(maps, 1) if len(maps) > 1 else maps[0])


class Dense(nn.Module):
    """Four layers and a transition after the second; the maps in one tensor, or in a list."""

    def __init__(self, kind: type[Layer]) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.first, self.second, self.between = kind(4), kind(6), nn.Conv2d(8, 4, 1)
        self.third, self.fourth = kind(4), kind(6)
        self.bn, self.fc = norm(8), nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.block(self.stem(x), self.first, self.second)
        x = self.block(self.between(x), self.third, self.fourth)
        return self.fc(relu(self.bn(x)).mean((2, 3)))

    def block(self, x: Tensor, one: Layer, other: Layer) -> Tensor:
        if isinstance(one, Appending):
            return other(one(x))
        maps = [x]
        for layer in (one, other):
            maps.append(layer(maps))
        return torch.cat(maps, 1)


def dense_by_hand(model: Dense, x: Tensor, without: Collection[str]) -> Tensor:
    x = model.stem(x)
    for name in ("first", "second", "third", "fourth"):
        if name == "third":
            x = model.between(x)
        new = model.get_submodule(name).new(x)  # type: ignore[operator]
        x = torch.cat([x, torch.zeros_like(new) if name in without else new], 1)
    return model.fc(relu(model.bn(x)).mean((2, 3)))


@pytest.mark.parametrize("kind", [Appending, Listed])
def test_a_dense_layer_taken_out_adds_zeros_for_all_that_read_it(kind: type[Layer]) -> None:
    torch.manual_seed(0)
    view = seen(Dense(kind))
    # a list's layer is called by the place of the first concatenation that has its channels in it
    names = {"second": "first", "concat": "second", "fourth": "third", "concat:2": "fourth"}
    places = {place: place if kind is Appending else names[place] for place in blocks_of(view.anatomy)}
    assert sorted(places.values()) == ["first", "fourth", "second", "third"]
    agree(view, lambda without: dense_by_hand(view.model, view.images, [places[name] for name in without]))


def test_channels_that_come_from_nowhere_are_no_layer_s() -> None:
    class Padded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.more, self.fc = nn.Conv2d(3, 2, 1), nn.Conv2d(2, 2, 1), nn.Linear(6, CLASSES)

        def forward(self, x: Tensor) -> Tensor:
            x = self.stem(x)
            x = torch.cat([x, self.more(x), torch.zeros(len(x), 2, 8, 8)], 1)
            return self.fc(x.mean((2, 3)))

    assert list(blocks_of(seen(Padded()).anatomy)) == ["more"]  # by itself: it keeps its shape


def test_in_a_stack_of_single_layers_those_go_that_keep_their_shape_with_their_batchnorm() -> None:
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 5, 3), norm(5), nn.ReLU(inplace=True)]
    layers += [nn.Conv2d(5, 5, 3, padding=1), norm(5), nn.ReLU(inplace=True)]
    layers += [
        nn.Conv2d(5, 5, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(80, 7),
        nn.Linear(7, 7),
        nn.Linear(7, 4),
    ]
    view = seen(nn.Sequential(*layers))
    assert list(blocks_of(view.anatomy)) == ["3", "10"]
    gone = {"3": ("3", "4"), "10": ("10",)}

    def forward(without: Collection[str]) -> Tensor:
        x, absent = view.images, [name for place in without for name in gone[place]]
        for name, layer in view.model.named_children():
            x = x if name in absent else layer(x.clone())
        return x

    agree(view, forward)


class Overwriting(nn.Module):
    """A plain block that begins with a ReLU, in its input's place or not."""

    def __init__(self, *, inplace: bool) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=inplace)
        self.one, self.other = (nn.Conv2d(4, 4, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        return self.other(relu(self.one(self.relu(x))))


def test_a_block_that_overwrites_its_input_hands_on_what_it_was_given() -> None:
    found = []
    for inplace in (False, True):
        torch.manual_seed(0)
        blocks = [Overwriting(inplace=inplace) for _ in range(2)]
        head = nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 6 * 6, CLASSES)
        found.append(told(measure(seen(nn.Sequential(head[0], *blocks, *head[1:])))))
    assert ("1", "loss_change") in found[0]
    assert found[0] == found[1]


def test_plain_and_residual_networks_of_a_depth_lose_the_same_layers_where_shapes_allow() -> None:
    plain, residual, gated = (
        list(blocks_of(seen(build(name), 2, side=32).anatomy))
        for name in ("plain20", "resnet20", "se_resnet20")
    )
    assert residual == gated == [f"layer{stage}.{block}" for stage in (1, 2, 3) for block in range(3)]
    assert plain == [place for place in residual if place not in ("layer2.0", "layer3.0")]


@pytest.mark.parametrize(
    ("name", "blocks"),
    [("cnn", 0), ("resnet", 8), ("densenet", 12), ("se_resnet", 8), ("densenet_bc16_k4", 6)],
)
def test_networks_by_name_have_their_blocks(name: str, blocks: int) -> None:
    view = seen(build(name), 2, side=32)
    assert len(blocks_of(view.anatomy)) == blocks
    assert BLOCK_DELETION.applies_to(view.anatomy) is (blocks > 0)
    found = told(in_fp32(BLOCK_DELETION, view)) if blocks else {}
    assert {quantity for _, quantity in found} == (set(BLOCK_DELETION.units) if blocks else set())
    assert all(math.isfinite(value) for value in found.values())


@given(blocks=st.integers(0, 40), seed=st.integers(0, 2**31))
def test_random_sets_are_of_so_many_different_blocks_and_follow_from_the_seed(blocks: int, seed: int) -> None:
    places = [str(place) for place in range(blocks)]
    view = View(model=nn.Identity(), images=torch.zeros(1), labels=torch.zeros(1), anatomy=ANATOMY, seed=seed)
    found = drawn(view, places)
    for name, gone in found.items():
        number = int(name.split()[0])
        assert 3 <= number == len(set(gone)) == len(gone) < blocks
        assert gone == [place for place in places if place in gone]
    assert found == drawn(view, places)
    assert blocks <= 3 or found  # three quarters of four are three


ANATOMY = seen(net(), 2).anatomy


def test_another_seed_draws_other_sets() -> None:
    places = [str(place) for place in range(20)]
    assert drawn(seen(net(), 2, seed=1), places) != drawn(seen(net(), 2, seed=2), places)


@pytest.mark.parametrize(("budget", "each"), [(52, 10), (52 * 5, 20), (130_000, 40)])
def test_the_number_of_images_follows_from_the_budget(
    budget: int, each: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skipscope.probes.block_deletion.IMAGE_PASSES", budget)
    monkeypatch.setattr("skipscope.probes.block_deletion.FEWEST_IMAGES", 10)
    view = seen(net(), 40)
    passed: list[int] = []
    handle = view.model.register_forward_pre_hook(lambda _, inputs: passed.append(len(inputs[0])))
    list(measure(view))
    handle.remove()
    assert passed == [each] * (1 + 5 + 4 + 3)  # intact, blocks, pairs, sets


@settings(max_examples=15)
@given(order=st.permutations(range(6)), images=st.permutations(range(40)))
def test_the_order_of_channels_and_of_images_does_not_matter(order: list[int], images: list[int]) -> None:
    view, turned = seen(net()), net()
    with torch.no_grad():
        first, second, third = (turned.get_submodule(f"body.{place}") for place in range(3))
        outputs = [turned.stem.weight, turned.stem.bias, first.conv2.weight, second.conv2.weight]
        for bn in (turned.bn, first.bn2, second.bn2):
            outputs += [bn.weight, bn.bias, bn.running_mean, bn.running_var]
        inputs = [first.conv1.weight, second.conv1.weight, third.conv1.weight, third.project.weight]
        for values in outputs:
            values.copy_(values.clone()[order])
        for values in inputs:
            values.copy_(values.clone()[:, order])
    before = told(measure(view))
    after = told(measure(view_of(turned, view.images[images], view.labels[images])))
    assert before.keys() == after.keys()
    # channels are added up in another order, in fp32
    assert all(after[key] == pytest.approx(value, abs=1e-5) for key, value in before.items())


def state(model: nn.Module) -> list[Tensor]:
    return [value.clone() for value in model.state_dict().values()]


def untouched(view: View, before: list[Tensor]) -> None:
    assert all(torch.equal(a, b) for a, b in zip(before, state(view.model), strict=True))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in view.model.modules())
    assert not any(module.training for module in view.model.modules())
    assert torch.overrides._get_current_function_mode() is None
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("style", STYLES)
def test_network_sample_and_chance_stay_as_they_were(style: str) -> None:
    view = seen(net(style), 6)
    before, images, chance = state(view.model), view.images.clone(), torch.get_rng_state()
    assert list(measure(view)) == list(measure(view))
    untouched(view, before)
    assert torch.equal(images, view.images)
    assert torch.equal(chance, torch.get_rng_state())


def test_nothing_is_left_behind_by_an_error_in_the_middle() -> None:
    view = seen(net(), 6)
    before, calls = state(view.model), iter(range(3))

    def fails(*_: object) -> None:
        if next(calls, None) is None:
            raise RuntimeError("in the middle")

    handle = view.model.fc.register_forward_hook(fails)
    with pytest.raises(RuntimeError, match="in the middle"):
        list(measure(view))
    handle.remove()
    untouched(view, before)
