"""The networks by name."""

import re
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import nn

from skipscope.errors import UnknownName
from skipscope.models import classroom, dense, residual, user
from skipscope.randomness import derive
from skipscope.spec import UserNetwork

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "cnn": classroom.Net,
    "resnet": classroom.ResNet_normal,
    "densenet": classroom.DenseNet,
    "se_resnet": classroom.SEResNet,
    "resnet_nopool": partial(classroom.ResNet_normal, pooled=False),
    "se_resnet_pool": partial(classroom.SEResNet, pooled=True),
}
FAMILIES: dict[str, Callable[[str], Callable[[], nn.Module] | None]] = {
    residual.RULE: residual.named,
    dense.RULE: dense.named,
}
"""A rule that names follow, for people, and what makes the network of a name, if it follows the rule."""
USERS = "FILE.py:NAME: the class or function NAME in a file of yours"


def build(name: str, *, seed: int = 0) -> nn.Module:
    """The network `name`, initialised from the seed.

    Args:
        name: one of `NETWORKS`, a name of one of the `FAMILIES` (`resnet20`), or `mynet.py:Net`, which calls
            `Net` of that file without arguments.
        seed: a run's.

    Raises:
        UnknownName: no network has this name; lists those that have one.
        NetworkError: the user's file gives no network for these images; names the line.
    """
    return seeded(maker(name), seed)


def seeded(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    """What `make` makes, initialised from (seed, "initialisation"); torch's own generator is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "initialisation") >> 1)  # as a signed number, as torch takes it
        return make()


def maker(name: str) -> Callable[[], nn.Module]:
    """What makes the network.

    Raises:
        UnknownName: no network has this name; lists those that have one.
    """
    if name in NETWORKS:
        return NETWORKS[name]
    if (own := UserNetwork.parse(name)) is not None:
        return partial(user.build, own)
    for named in FAMILIES.values():
        if (make := named(name)) is not None:
            return make
    raise UnknownName("network", name, [*NETWORKS, *FAMILIES, USERS], near=[*_beside(name)][:1])


def _beside(name: str) -> Iterator[str]:
    """Members of families with another depth, from the nearest: resnet20 beside resnet21."""
    if number := re.search(r"[1-9]\d{0,3}", name):
        for away in (-1, 1, -2, 2, -3, 3):
            depth = max(0, int(number[0]) + away)
            other = f"{name[: number.start()]}{depth}{name[number.end() :]}"
            if any(named(other) for named in FAMILIES.values()):
                yield other
