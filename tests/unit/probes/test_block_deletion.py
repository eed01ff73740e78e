"""Blocks taken out: against forward passes written without them, and where it is known which block counts."""

import math
from itertools import pairwise

import pytest
import torch
from block_networks import CLASSES, agree, by_hand, net, seen
from hypothesis import given, settings
from hypothesis import strategies as st
from told import told
from torch import Tensor, nn
from torch.nn.functional import relu

from skipscope.models.registry import build
from skipscope.probes.base import View
from skipscope.probes.block_deletion import BLOCK_DELETION, blocks_of, drawn, measure
from skipscope.probes.measure import view_of

STYLES = ("functional", "in place", "plain")


@pytest.mark.parametrize("style", STYLES)
def test_a_block_taken_out_is_the_forward_pass_written_without_it(style: str) -> None:
    view = seen(net(style))
    agree(view, lambda without: by_hand(view.model, view.images, without))
    removed = [key for key in told(measure(view)) if "loss_change" in key]
    names = [f"body.{index}" for index in range(5) if style != "plain" or index != 2]
    alone = [(name, "loss_change", 1) for name in names]
    assert removed[: len(alone)] == alone  # a report takes the order for that of the network
    pairs = [(one, "loss_change", other, 2) for one, other in pairwise(names)]
    # three quarters of 5 or 4 blocks, and half of 5 is 2 (pairs there are already)
    sets = [("loss_change", round(0.75 * len(alone)), draw) for draw in (1, 2, 3)]
    assert removed[len(alone) :] == pairs + sets


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
    assert found["loss", 0] == pytest.approx(loss, rel=1e-5)
    assert found["accuracy", 0] == 1
    for module, *others in (("body.0", 1), ("body.2", 1), ("body.3", 1), ("body.2", "body.3", 2)):
        assert found[module, "loss_change", *others] == found[module, "accuracy_change", *others] == 0
    for module, *others in (("body.1", 1), ("body.0", "body.1", 2), ("body.1", "body.2", 2)):
        all_zero = math.log(3) - loss  # all logits are
        assert found[module, "loss_change", *others] == pytest.approx(all_zero, rel=1e-6)
        assert found[module, "accuracy_change", *others] == pytest.approx(1 / 3 - 1)


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
    assert found["accuracy", 0] == 1
    assert largest_class < 0.6
    for module in ("body.0", "body.1", "body.3", "body.4"):
        left = 1 + found[module, "accuracy_change", 1]
        assert left > 0.75 if kept else left <= largest_class + 1e-9  # one answer for all images


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
    assert ("1", "loss_change", 1) in found[0]
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
    assert bool(BLOCK_DELETION.applies_to(view.anatomy)) is (blocks > 0)


@given(blocks=st.integers(0, 40), seed=st.integers(0, 2**31))
def test_random_sets_are_of_so_many_different_blocks_and_follow_from_the_seed(blocks: int, seed: int) -> None:
    names = [str(index) for index in range(blocks)]
    view = View(model=nn.Identity(), images=torch.zeros(1), labels=torch.zeros(1), anatomy=ANATOMY, seed=seed)
    found = drawn(view, names)
    for _, gone in found:
        assert 3 <= len(set(gone)) == len(gone) < blocks
        assert gone == [name for name in names if name in gone]
    assert found == drawn(view, names)
    assert blocks <= 3 or found  # three quarters of four are three


ANATOMY = seen(net(), 2).anatomy


def test_another_seed_draws_other_sets() -> None:
    names = [str(index) for index in range(20)]
    assert drawn(seen(net(), 2, seed=1), names) != drawn(seen(net(), 2, seed=2), names)


@pytest.mark.parametrize(
    ("alone", "together", "each", "of_several"),
    [(52, 52, 10, 10), (6 * 20, 8 * 15, 20, 15), (130_000, 130_000, 40, 40)],
)
def test_the_number_of_images_follows_from_the_budgets(
    alone: int, together: int, each: int, of_several: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skipscope.probes.block_deletion.ALONE_PASSES", alone)
    monkeypatch.setattr("skipscope.probes.block_deletion.TOGETHER_PASSES", together)
    monkeypatch.setattr("skipscope.probes.block_deletion.FEWEST_IMAGES", 10)
    view = seen(net(), 40)
    passed: list[int] = []
    handle = view.model.register_forward_pre_hook(lambda _, inputs: passed.append(len(inputs[0])))
    list(measure(view))
    handle.remove()
    assert passed == [each] * (1 + 5) + [of_several] * (1 + 4 + 3)  # intact and blocks; intact, pairs, sets


@settings(max_examples=5)
@given(order=st.permutations(range(16)), images=st.permutations(range(40)))
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
