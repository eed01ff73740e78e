"""Layers of dense networks and of stacks taken out: against forward passes written without them."""

from collections.abc import Collection

import pytest
import torch
from block_networks import CLASSES, agree, norm, seen
from torch import Tensor, nn
from torch.nn.functional import relu

from skipscope.probes.block_deletion import blocks_of


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
