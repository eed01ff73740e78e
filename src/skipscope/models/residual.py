"""The networks of He et al. 2015, section 4.2, for small images: `plainN`, `resnetN`, gated `se_resnetN`.

One block serves them all. Plain is residual without the addition, gated is residual with a gate (`_static`:
one that no image moves, `_half`: the constant 1/2), and nothing else; networks of one seed start from equal
weights wherever they both have them. Chains may also start from weights that are mirrored or graded in
length, so that what a shortcut does before training can be had without one (study `obstacles`).

Shapes: B images, C channels, H x W pixels. A comment on a line that changes a shape says the new one.
"""

import re
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn.functional import pad

from skipscope.models.blocks import GATES, BatchNorm2d, GateKind, Projection
from skipscope.models.initialisation import EVEN, drawn, grade, initialise, mirror

RULE = (
    "plainN or resnetN or se_resnetN with N = 6n+2; and _static or _half: se_resnetN with a gate that no "
    "image moves or the constant 1/2, _b: projections where shapes change, _nobn: without BatchNorm; "
    "plainN with other initial weights: _ll: mirrored (looks-linear), _even or _uneven: graded in length"
)
_NAME = re.compile(
    r"(?P<kind>plain|resnet|se_resnet)(?P<depth>[1-9]\d{0,3})(?P<gate>_static|_half)?(?P<b>_b)?(?P<nobn>_nobn)?"
    r"(?P<ll>_ll)?(?P<graded>_even|_uneven)?"
)

_GATES: dict[str | None, GateKind] = {None: "se", "_static": "static", "_half": "half"}

_FACTORS: dict[str | None, float] = {None: 1.0, "_even": EVEN, "_uneven": 1 / EVEN}

DEEPEST = 1202
"""The deepest network a name may ask for, as in the paper."""


def named(name: str) -> Callable[[], nn.Module] | None:
    """Returns the maker of the network of this name, if it follows the rule: `resnet20`, `plain56_nobn`."""
    found = _NAME.fullmatch(name)
    if found is None or not 8 <= int(found["depth"]) <= DEEPEST or int(found["depth"]) % 6 != 2:
        return None
    if found["b"] and found["kind"] == "plain":  # it has no shortcut to project
        return None
    if found["gate"] and found["kind"] != "se_resnet":
        return None
    if (found["ll"] or found["graded"]) and found["kind"] != "plain":
        return None
    if found["graded"] and found["nobn"]:  # without BatchNorm another length is another function
        return None
    design = Design(
        residual=found["kind"] != "plain",
        gate=_GATES[found["gate"]] if found["kind"] == "se_resnet" else None,
        projected=found["b"] is not None,
        normalised=found["nobn"] is None,
        mirrored=found["ll"] is not None,
        graded=_FACTORS[found["graded"]],
    )
    return partial(ResidualNet, int(found["depth"]), design)


class Design(NamedTuple):
    """What the networks of one depth differ in."""

    residual: bool
    gate: GateKind | None
    """What weighs f(x) before the addition."""
    projected: bool
    """Where the shape changes, the shortcut is option B of He et al. 2015, section 3.3, else option A."""
    normalised: bool
    """Without BatchNorm the convolutions have biases instead."""
    mirrored: bool
    """Half of the channels start as the other half's negatives: before training the network is linear."""
    graded: float
    """How many times as long as the next layer's kernels a layer's are at the start."""


class Subsample(nn.Module):
    """The shortcut without parameters: every `stride`-th pixel, zeros in the new channels.

    Option A of He et al. 2015, section 3.3.
    """

    def __init__(self, *, stride: int, new: int) -> None:
        super().__init__()
        self.stride, self.new = stride, new

    def extra_repr(self) -> str:
        """Prints the arguments."""
        return f"stride={self.stride}, new={self.new}"

    def forward(self, x: Tensor) -> Tensor:
        """Maps B C H W -> B C+new H/stride W/stride."""
        return pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new))


class Block(nn.Module):
    """Two 3x3 convolutions f(x): relu(f(x) + x) with a shortcut (He et al. 2015, eq. 1), else relu(f(x)).

    With a gate: relu(gate(f(x)) * f(x) + x) (Hu et al. 2018, Fig. 3).
    """

    def __init__(self, inputs: int, outputs: int, design: Design, *, stride: int) -> None:
        super().__init__()
        norm, biased = (BatchNorm2d, False) if design.normalised else (nn.Identity, True)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=biased)
        self.bn1 = norm(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=biased)
        self.bn2 = norm(outputs)
        self.se = GATES[design.gate](outputs) if design.gate else None
        self.shortcut: nn.Module | None = None
        if design.residual:
            if stride == 1 and inputs == outputs:
                self.shortcut = nn.Identity()
            elif design.projected:
                self.shortcut = Projection(inputs, outputs, stride=stride, normalised=design.normalised)
            else:
                self.shortcut = Subsample(stride=stride, new=outputs - inputs)

    def forward(self, x: Tensor) -> Tensor:
        """Maps B inputs H W -> B outputs H/stride W/stride."""
        f = self.relu(self.bn1(self.conv1(x)))  # B outputs H/stride W/stride
        f = self.bn2(self.conv2(f))
        if self.se is not None:
            f = self.se(f) * f
        if self.shortcut is not None:
            f = f + self.shortcut(x)
        y: Tensor = self.relu(f)
        return y


class ResidualNet(nn.Module):
    """A 3x3 stem, three stages of n blocks with 16, 32 and 64 channels, a classifier: 6n+2 layers."""

    def __init__(self, depth: int, design: Design) -> None:
        super().__init__()
        generator = drawn()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=not design.normalised)
        self.bn = BatchNorm2d(16) if design.normalised else nn.Identity()
        self.relu = nn.ReLU(inplace=True)
        for stage, (before, width) in enumerate(pairwise((16, 16, 32, 64)), start=1):
            blocks = [
                Block(width if index else before, width, design, stride=1 if index or stage == 1 else 2)
                for index in range((depth - 2) // 6)
            ]
            self.add_module(f"layer{stage}", nn.Sequential(*blocks))
        self.avg_pool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(64, 10)
        initialise(self, generator)
        if design.mirrored:
            mirror(self)
        grade(self, design.graded)

    def forward(self, x: Tensor) -> Tensor:
        """Maps B 3 32 32 -> logits, B 10."""
        x = self.relu(self.bn(self.conv1(x)))  # B 16 32 32
        for stage in range(1, 4):
            x = self.get_submodule(f"layer{stage}")(x)  # B 16 32 32, B 32 16 16, B 64 8 8
        logits: Tensor = self.fc(self.avg_pool(x).flatten(1))
        return logits
