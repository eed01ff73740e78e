"""The networks by name."""

from collections.abc import Callable

import torch
from torch import nn

from skipscope.errors import UnknownName
from skipscope.models import classroom
from skipscope.randomness import derive

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "cnn": classroom.Net,
    "resnet": classroom.ResNet_normal,
    "densenet": classroom.DenseNet,
    "se_resnet": classroom.SEResNet,
}


def build(name: str, *, seed: int = 0) -> nn.Module:
    """The network `name`, initialised from (seed, "initialisation"); torch's own generator is left alone.

    Raises:
        UnknownName: no network has this name; lists those that have one.
    """
    if name not in NETWORKS:
        raise UnknownName("network", name, NETWORKS)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "initialisation") >> 1)  # as a signed number, as torch takes it
        return NETWORKS[name]()
