"""The networks by name."""

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from skipscope.errors import UnknownName, UsageError
from skipscope.models import classroom, dense, residual, user
from skipscope.models.chance import chance_restored, reseed
from skipscope.models.weights import load_weights
from skipscope.randomness import derive
from skipscope.spec import UserNetwork

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "cnn": classroom.Net,
    "resnet": classroom.ResNet_normal,
    "densenet": classroom.DenseNet,
    "se_resnet": classroom.SEResNet,
    "resnet_noskip": partial(classroom.ResNet_normal, shortcut=False),
    "resnet_nopool": partial(classroom.ResNet_normal, pooled=False),
    "se_resnet_pool": partial(classroom.SEResNet, pooled=True),
    "se_resnet_static": partial(classroom.SEResNet, gate="static"),
    "se_resnet_half": partial(classroom.SEResNet, gate="half"),
    "se_resnet_pool_static": partial(classroom.SEResNet, gate="static", pooled=True),
    "se_resnet_pool_half": partial(classroom.SEResNet, gate="half", pooled=True),
}
FAMILIES: dict[str, Callable[[str], Callable[[], nn.Module] | None]] = {
    residual.RULE: residual.named,
    dense.RULE: dense.named,
}
"""The rule that a family's names follow, for people, and a parser that returns the maker of such a name."""
USERS = "FILE.py:NAME: the class or function NAME in your own file"


def build(
    name: str,
    *,
    seed: int = 0,
    weights: os.PathLike[str] | str | Mapping[str, Any] | None = None,
    without: Collection[str] = (),
) -> nn.Module:
    """Builds the network `name`, initialised from (seed, "initialisation"); generators are restored.

    Args:
        name: one of `NETWORKS`, a name of one of the `FAMILIES` (`resnet20`), or `mynet.py:Net`, which calls
            `Net` of that file without arguments.
        seed: the run's seed.
        weights: a state dict of a network of the same structure, or its file: torchvision's and timm's
            `resnet18` is `resnet` here. The network is then in evaluation mode.
        without: modules that keep their initial weights all the same, such as a classifier of other classes.

    Raises:
        UnknownName: no network has this name; lists those that have one.
        NetworkError: the user's file does not define a valid network; names the line.
        UsageError: `name` is no text, or the weights do not fit; says in which modules.
    """
    if not isinstance(name, str):
        raise UsageError(
            f"A {type(name).__name__} is no network's name.", hint='"resnet20", say, or "mynet.py:Net"'
        )
    make, on = maker(name), torch.device("cpu")
    with chance_restored(on):
        reseed(derive(seed, "initialisation") >> 1, on)  # as a signed number, as torch takes it
        network = make()
    if weights is None:
        return network
    load_weights(network, weights, without=without)
    return network.eval()


def maker(name: str) -> Callable[[], nn.Module]:
    """Returns the function that makes the network.

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
    unknown = UnknownName("network", name, [*NETWORKS, *FAMILIES, USERS], near=[*_nearby(name.lower())][:1])
    if ".py" in name:
        unknown.hint = f"name the class or function behind a colon: {name.partition('.py')[0]}.py:Net"
    raise unknown


def _nearby(name: str) -> Iterator[str]:
    """Yields members of families spelt otherwise, or with a similar depth, nearest first."""
    plain = re.sub(r"[-_ ]", "", name).replace("seresnet", "se_resnet")
    for spelt in (plain, name):
        if number := re.search(r"[1-9]\d{0,3}", spelt):
            for away in (0, -1, 1, -2, 2, -3, 3):
                depth = max(0, int(number[0]) + away)
                other = f"{spelt[: number.start()]}{depth}{spelt[number.end() :]}"
                if any(named(other) for named in FAMILIES.values()):
                    yield other
