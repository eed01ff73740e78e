"""Traces survive functions with several outputs, writes into parts of tensors, and repeated passes."""

import pytest
import torch
from torch import Tensor, nn

from skipscope.anatomy.capture import anatomy, capture
from skipscope.anatomy.traces import kept_tensors

IMAGES = torch.zeros(2, 3, 8, 8)


class InParts(nn.Module):
    """What has several outputs: every layer behind it must still be heard of."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.stem, self.more = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(4, 8, 3, padding=1)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.read = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        if self.way == "attention":
            tokens = x.flatten(2).transpose(1, 2)
            return self.read(self.attention(tokens, tokens, tokens)[0].mean(1))
        if self.way == "max":
            return self.read(x.flatten(2).max(2)[0])
        if self.way == "gate":
            gate, x = torch.sigmoid(x).chunk(2, 1)[0], x.chunk(2, 1)[1]
            x = x * gate
        elif self.way == "unbind":
            x = torch.stack(x.unbind(1)[:4], 1)
        else:
            x = (x.chunk(2, dim=1) if self.way == "chunk" else torch.split(x, 4, 1))[1]
        return self.read(self.more(x).mean((2, 3)))


@pytest.mark.parametrize("way", ["chunk", "split", "unbind", "max", "attention", "gate"])
def test_what_has_several_outputs_does_not_end_the_trace(way: str) -> None:
    seen = anatomy(InParts(way), IMAGES)
    layers = [(site.module, site.depth) for site in seen.of("conv", "linear")]
    maps = way not in ("max", "attention")
    within = 2 if way == "attention" else 0  # attention's own layers, into its heads and out of them
    expected = [("stem", 1), ("more", 2), ("read", 3)] if maps else [("stem", 1), ("read", 2 + within)]
    assert layers == expected
    assert seen.gates == ()  # one half of a map gates the other at each pixel: an activation
    if maps:
        read = next(site for site in seen.sites if site.module == "more").sources
        assert read == (() if way == "unbind" else (("stem", 4),))


class IntoParts(nn.Module):
    """What convolutions make is written into parts of a tensor, and parts are changed where they are."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.a, self.b = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 4, 3, padding=1)
        self.more, self.read = nn.Conv2d(8, 8, 3, padding=1), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.zeros(len(x), 8, 8, 8)
        for part, made in ((slice(4), self.a(x)), (slice(4, 8), self.b(x))):
            if self.way == "=":
                y[:, part] = made
            elif self.way == "+=":
                y[:, part] += made
            else:
                getattr(y[:, part], self.way)(made)
        f = self.more(y)
        f[:, :2] *= 3
        f[:, :, 0] = 0
        return self.read((f + y).mean((2, 3)))


@pytest.mark.parametrize("way", ["=", "+=", "copy_", "add_"])
@pytest.mark.parametrize("grad", [True, False])
def test_what_is_written_into_parts_of_a_tensor_is_heard_of(way: str, *, grad: bool) -> None:
    with torch.set_grad_enabled(grad):
        sites = anatomy(IntoParts(way), IMAGES).sites
    joined = [site for site in sites if site.kind == "concat"]
    sites = tuple(site for site in sites if site.kind != "concat")
    assert [(site.kind, site.module, site.depth) for site in sites] == [
        ("conv", "a", 1),
        ("conv", "b", 1),
        ("conv", "more", 2),
        ("shortcut", "shortcut", 2),
        ("linear", "read", 3),
    ]
    assert sites[2].sources == ()  # four of each, but that is not followed
    assert sites[3].sources == (("more", 8),)
    assert [site.inputs for site in joined] == [((4, 8, 8), (4, 8, 8))] * (way == "=")


class Moved(nn.Module):
    """Half of what two convolutions made is overwritten by the other half."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 4, 3, padding=1)
        self.read = nn.Conv2d(8, 10, 8)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.cat((self.a(x), self.b(x)), 1)
        y[:, :4] = y[:, 4:]
        return self.read(y).flatten(1)


def test_a_part_that_is_moved_within_its_tensor_is_not_taken_for_what_was_there() -> None:
    assert anatomy(Moved(), IMAGES).sites[-1].sources == ()


class Remembering(nn.Module):
    """A running mean of its input and its last map, which a later pass adds to its own."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.inner = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.register_buffer("mean", torch.zeros(3))
        self.last: list[Tensor] = [torch.zeros(2, 4, 8, 8)]

    def forward(self, x: Tensor) -> Tensor:
        self.mean.mul_(0.9).add_(x.mean((0, 2, 3)))
        x = self.stem(x - self.mean.view(3, 1, 1))
        x = self.inner(x) + self.last[0]
        self.last[0] = x.detach()
        return x.mean((2, 3))


def test_what_a_network_keeps_comes_from_no_other_pass_and_keeps_no_mark() -> None:
    model, x = Remembering(), torch.randn(2, 3, 8, 8)
    passes: list[list[tuple[str, str]]] = []
    with torch.no_grad(), capture(model, lambda call: passes[-1].append((call.kind, call.module))):
        for _ in range(2):
            passes.append([])
            model(x)
    assert passes[0] == passes[1]
    assert vars(model.mean) == vars(model.last[0]) == {}


def test_whatever_a_network_keeps_between_passes_is_found_once() -> None:
    class Keeps(nn.Module):
        def __init__(self) -> None:
            self.before = torch.zeros(1)  # torch allows what is no parameter before its own `__init__`
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)
            self.register_buffer("mean", torch.zeros(4))
            self.register_buffer("unused", None)
            self.map = torch.zeros(2)
            self.history = [torch.zeros(1), {"a": (torch.zeros(1), 3)}, "text"]

    model = Keeps()
    a_map, (first, named, _) = model.map, model.history
    wanted = [model.before, model.mean, a_map, first, named["a"][0], model.conv.weight, model.conv.bias]
    found = list(kept_tensors(model))
    assert sorted(map(id, found)) == sorted(map(id, wanted))
