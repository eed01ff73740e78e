"""One pixel of a convolution: what it is said to be computed from gives what torch computed."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

from skipscope.anatomy.calls import Call
from skipscope.anatomy.capture import capture
from skipscope.models.registry import build
from skipscope.probes.one_pixel import Pixel, one_pixel


class Foreign(nn.Module):
    """Somebody else's network: groups, dilation, strides and paddings of all kinds, functional calls."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, (3, 5), stride=(2, 1), padding=(1, 4), dilation=(1, 2))
        self.grouped = nn.Conv2d(8, 12, 3, padding=2, dilation=2, groups=4)
        self.depthwise = nn.Conv2d(12, 12, 4, padding="same", dilation=3, groups=12, bias=False)
        self.mirrored = nn.Conv2d(12, 6, 3, padding=1, padding_mode="reflect")
        self.weight = nn.Parameter(torch.randn(5, 6, 2, 3))

    def forward(self, x: Tensor) -> Tensor:
        x = self.mirrored(self.depthwise(self.grouped(self.stem(x)).relu_())).relu()
        x = conv2d(pad(x, (1, 0)), self.weight, stride=3, padding="valid")
        return x.mean((2, 3))


def convolutions(model: nn.Module, x: Tensor) -> dict[str, Call]:
    """The calls, with outputs that the network cannot overwrite any more."""
    found: dict[str, Call] = {}

    def keep(call: Call) -> None:
        if call.kind == "conv":
            found[call.module] = replace(call, output=call.output.clone(), inputs=(call.inputs[0].clone(),))

    with torch.no_grad(), capture(model.eval(), keep):
        model(x.clone())
    return found


@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")  # the odd zero goes below
@pytest.mark.parametrize("name", ["cnn", "resnet", "densenet_bc16_k4", "se_resnet8", "plain8", None])
def test_every_corner_and_the_middle_is_the_sum_of_its_products(name: str | None) -> None:
    model = (Foreign() if name is None else build(name, seed=1)).double()
    calls = convolutions(model, torch.rand(1, 3, 32, 32, dtype=torch.float64))
    assert len(calls) >= 2
    for call in calls.values():
        filters, height, width = call.output.shape[1:]
        for filter in {0, filters // 2, filters - 1}:
            for row in {0, height // 2, height - 1}:
                for column in {0, width // 2, width - 1}:
                    pixel = one_pixel(call, filter, row, column)
                    assert pixel.value == call.output[0, filter, row, column].item()
                    assert pixel.total == pytest.approx(pixel.value, abs=1e-12)
                    assert pixel.patch.shape == pixel.kernel.shape == call.weight.shape[1:]


def test_it_says_which_pixels_of_which_channels_were_read() -> None:
    """Planted: a filter of the second group sees a single pixel of channel 3, two below and two right."""
    model = nn.Sequential(nn.Conv2d(4, 2, 3, padding=2, dilation=2, groups=2, bias=False))
    with torch.no_grad():
        model[0].weight.zero_()[1, 1, 2, 2] = 5.0
    x = torch.zeros(1, 4, 8, 8)
    x[0, 3, 4, 6] = 2.0
    pixel = one_pixel(convolutions(model, x)["0"], filter=1, row=2, column=4)
    assert (pixel.channel, pixel.rows, pixel.columns) == (2, (0, 2, 4), (2, 4, 6))
    assert pixel.products.nonzero().tolist() == [[1, 2, 2]]
    assert pixel.total == pixel.value == 10.0
    corner = one_pixel(convolutions(model, x)["0"], filter=0, row=0, column=0)
    assert (corner.rows, corner.columns) == ((-2, 0, 2), (-2, 0, 2))  # two of three lie beyond the map


@pytest.mark.parametrize("where", [(2, 0, 0), (0, 32, 0), (0, 0, -1)])
def test_what_is_not_there_is_refused(where: tuple[int, int, int]) -> None:
    calls = convolutions(nn.Sequential(nn.Conv2d(3, 2, 1)), torch.rand(1, 3, 32, 32))
    with pytest.raises(IndexError, match="no pixel"):
        one_pixel(calls["0"], *where)
    assert isinstance(one_pixel(calls["0"], 0, 0, 0), Pixel)
