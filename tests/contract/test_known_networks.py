"""In public networks what is found is what their papers say (the optional packages of the extra `zoo`)."""

import tomllib
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

import skipscope

KNOWN = tomllib.loads((Path(__file__).parents[1] / "known_networks.toml").read_text("utf-8"))
NETWORKS = [(package, name) for package in ("torchvision", "timm") for name in KNOWN[package]]


def made(package: str, name: str) -> nn.Module:
    if package == "timm":
        return pytest.importorskip("timm").create_model(name)
    models = pytest.importorskip("torchvision.models", exc_type=(ImportError, RuntimeError))
    inception = {"aux_logits": False, "init_weights": False} if name in ("googlenet", "inception_v3") else {}
    return getattr(models, name)(weights=None, **inception)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("package", "name"), NETWORKS)
def test_what_is_found_is_what_is_known(package: str, name: str) -> None:
    side, *known = KNOWN[package][name]
    with warnings.catch_warnings():
        found = skipscope.anatomy(made(package, name), torch.rand(2, 3, side, side))
    kinds = (found.shortcuts, found.gates, found.concatenations, found.unfollowed)
    assert [len(entries) for entries in kinds] == known
    assert found.depth is not None
