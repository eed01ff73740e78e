"""Arrays of one image's way through a network, against the forward pass by hand."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from skipscope.analysis.pictures import first_step
from skipscope.models.registry import build
from skipscope.probes.base import View
from skipscope.probes.measure import view_of
from skipscope.probes.pictures import MOST_MAPS, pictures


class InPlace(nn.Module):
    """Its ReLUs overwrite its maps; the last are of one pixel, which lie in memory as they are handed on."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.one, self.two = nn.Conv2d(3, 20, 3, padding=1, stride=2), nn.Conv2d(20, 24, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = relu(self.one(x), inplace=True)
        x = self.two(x)
        return x.flatten(1)[:, :5].mul_(0)


def seen(model: nn.Module, side: int = 8) -> View:
    x = torch.randn(3, 3, side, side, generator=torch.Generator().manual_seed(1))
    return view_of(model, x, torch.arange(3))


def test_filters_and_maps_are_those_of_the_forward_pass() -> None:
    view = seen(InPlace())
    found = pictures(view, 1)
    with torch.no_grad():
        one = view.model.one(view.images[1:2])
        two = view.model.two(one.relu())
    assert list(found) == ["filters", "maps/one", "maps/relu", "maps/two"]
    expected = {
        "filters": view.model.one.weight.detach(),
        "maps/one": one[0, :MOST_MAPS],  # as it was before it was overwritten
        "maps/relu": one[0, :MOST_MAPS].relu(),
        "maps/two": two[0, :MOST_MAPS],
    }
    for name, values in expected.items():
        assert found[name].dtype == np.float32
        assert found[name].flags.c_contiguous
        assert np.array_equal(found[name], values.numpy()), name
    assert found["filters"].shape == (20, 3, 3, 3)
    assert found["maps/two"].shape == (MOST_MAPS, 1, 1)


def test_they_stay_as_they_are_when_the_network_goes_on() -> None:
    view = seen(InPlace())
    found = pictures(view)
    kept = {name: values.copy() for name, values in found.items()}
    with torch.no_grad():
        view.model.one.weight.zero_()
    view.model(view.images)
    assert all(np.array_equal(found[name], kept[name]) for name in kept)


def test_the_report_reads_a_kernel_and_its_map_off_them() -> None:
    for name in ("cnn", "resnet", "densenet", "se_resnet", "resnet20"):
        view = seen(build(name), 32)
        found = pictures(view)
        first = next(key for key in found if key.startswith("maps/"))
        assert first == f"maps/{view.anatomy.of('conv')[0].module}"
        sides = [values.shape[-1] for key, values in found.items() if key != "filters"]
        assert sides == sorted(sides, reverse=True)
        step = first_step(found | {"image": np.zeros((32, 32, 3), dtype=np.uint8)})
        assert step is not None
        # the window that it shows is the one whose product with the kernel is the map's value there
        conv = dict(view.model.named_modules())[first.removeprefix("maps/")]
        size = step.weights.shape[-1]
        padded = torch.nn.functional.pad(view.images[0], [size] * 4)
        top, left = step.top + size, step.left + size
        window = padded[:, top : top + size, left : left + size]
        value = (window * torch.from_numpy(step.weights)).sum()
        value += 0 if conv.bias is None else conv.bias[step.kernel]
        assert abs(value.item() - step.answer.max()) < 1e-4  # a product in fp32, in another order


def test_a_network_without_convolutions_has_none() -> None:
    assert pictures(seen(nn.Sequential(nn.Flatten(), nn.Linear(192, 5)))) == {}
