"""A small network, and the whole Hessian of its loss."""

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy
from torch.nn.utils import parameters_to_vector

from skipscope.probes.base import View
from skipscope.probes.measure import view_of

CLASSES = 3


class Small(nn.Module):
    """Convolutions, BatchNorm, ReLUs in place or not, a max-pool, a shortcut, a gate."""

    def __init__(self, *, inplace: bool = True) -> None:
        super().__init__()
        self.conv1, self.bn = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.conv2, self.gate = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.Conv2d(4, 4, 1)
        self.pool, self.fc = nn.MaxPool2d(2), nn.Linear(4 * 9, CLASSES)
        self.relu = nn.ReLU(inplace=inplace)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn(self.conv1(x)))
        f = self.conv2(x)
        f = torch.sigmoid(self.gate(f.mean((2, 3), keepdim=True))) * f
        x = self.pool(self.relu(f + x))
        return self.fc(x.flatten(1))


def small(*, inplace: bool = True) -> Small:
    torch.manual_seed(0)
    model = Small(inplace=inplace)
    nn.init.normal_(model.bn.running_mean, std=0.3)
    with torch.no_grad():
        model.fc.weight.mul_(3)  # logits that differ: a curvature that is not uniform
    return model.eval()


def seen(model: nn.Module, images: int = 20, seed: int = 0) -> View:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(images, 3, 6, 6, generator=generator)
    return view_of(model, x, torch.arange(images) % CLASSES, seed=seed)


def exact(view: View) -> View:
    """In float64, where a reference can be told from rounding."""
    return View(
        model=deepcopy(view.model).double().to(memory_format=torch.contiguous_format),
        images=view.images.double(),
        labels=view.labels,
        anatomy=view.anatomy,
        seed=view.seed,
    )


def matrix(view: View) -> Tensor:
    """The whole Hessian, P P, by autograd from the loss as a function of one vector."""
    shapes = {name: weight.shape for name, weight in view.model.named_parameters()}

    def loss(vector: Tensor) -> Tensor:
        parts = vector.split([shape.numel() for shape in shapes.values()])
        weights = {name: part.view(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}
        return cross_entropy(functional_call(view.model, weights, (view.images,)), view.labels)

    start = parameters_to_vector(view.model.parameters()).detach()
    found: Tensor = torch.autograd.functional.hessian(loss, start)
    return found
