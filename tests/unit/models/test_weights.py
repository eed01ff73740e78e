"""Weights of other libraries in networks of the same structure."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from skipscope.errors import UsageError
from skipscope.models.registry import build

X = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def as_elsewhere(name: str, **renamed: str) -> dict[str, Tensor]:
    """The state of another seed's network, its modules called as elsewhere."""
    state = build(name, seed=1).state_dict()
    return {".".join(renamed.get(part, part) for part in key.split(".")): each for key, each in state.items()}


@torch.no_grad()
def logits(*what: object, **how: object) -> Tensor:
    return build(*what, **how).eval()(X)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("resnet", {"bn": "bn1"}),  # torchvision and timm: resnet18
        ("resnet20", {"bn": "bn1", "fc": "linear"}),  # akamaster/pytorch_resnet_cifar10
        ("resnet20_b", {"bn": "bn1", "shortcut": "downsample"}),  # chenyaofo/pytorch-cifar-models
        ("densenet", {}),
    ],
)
def test_modules_are_known_by_their_names_elsewhere(name: str, names: dict[str, str]) -> None:
    assert torch.equal(logits(name, weights=as_elsewhere(name, **names)), logits(name, seed=1))


def test_prefixes_wrappers_and_files_are_taken(tmp_path: Path) -> None:
    state = as_elsewhere("cnn")
    torch.save({"epoch": 3, "state_dict": {f"module.{k}": v for k, v in state.items()}}, tmp_path / "a.pth")
    save_file(state, tmp_path / "a.safetensors")
    for file in ("a.pth", "a.safetensors"):
        assert torch.equal(logits("cnn", weights=tmp_path / file), logits("cnn", seed=1))
    assert not build("cnn", weights=str(tmp_path / "a.pth")).training


def test_an_older_file_has_not_counted_its_batches() -> None:
    state = as_elsewhere("resnet8", bn="bn1")
    older = {key: each for key, each in state.items() if "num_batches_tracked" not in key}
    assert torch.equal(logits("resnet8", weights=older), logits("resnet8", seed=1))


def test_what_does_not_fit_is_named_with_both_shapes() -> None:
    state = as_elsewhere("resnet", bn="bn1")
    state |= {"fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000), "head.weight": torch.ones(2)}
    del state["layer1.0.conv1.weight"]
    with pytest.raises(UsageError, match="another structure") as refused:
        build("resnet", weights=state)
    said = refused.value.what
    assert "fc (1000 x 512 there, 10 x 512 here)" in said
    assert "head (2 there, nothing here)" in said
    assert "layer1.0.conv1 (nothing there, 64 x 64 x 3 x 3 here)" in said
    assert "bn1" not in said
    with pytest.raises(UsageError, match="and 10 more"):
        build("se_resnet", weights=as_elsewhere("resnet"))


def test_a_module_may_keep_its_own_weights() -> None:
    state = as_elsewhere("resnet8") | {"fc.weight": torch.zeros(1000, 64), "fc.bias": torch.zeros(1000)}
    network = build("resnet8", weights=state, without=["fc"])
    assert torch.equal(network.fc.weight, build("resnet8").fc.weight)  # type: ignore[union-attr, arg-type]
    assert torch.equal(network.conv1.weight, state["conv1.weight"])  # type: ignore[union-attr, arg-type]


class Harmful:
    def __reduce__(self) -> object:
        return print, ("code ran",)


def test_what_is_no_file_of_weights_is_told_and_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"model": Harmful()}, tmp_path / "code.pt")
    (tmp_path / "text.pt").write_text("not weights")
    (tmp_path / "text.safetensors").write_text("not weights")
    torch.save([1, 2], tmp_path / "list.pt")
    for name in ("code.pt", "text.pt", "text.safetensors", "none.pt", "list.pt"):
        with pytest.raises(UsageError, match=r"weights cannot be read|no weights in it") as refused:
            build("cnn", weights=tmp_path / name)
        assert name in refused.value.where
    assert "code ran" not in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("package", ["torchvision.models", "timm"])
def test_the_libraries_resnet18_is_our_resnet(package: str) -> None:
    library = pytest.importorskip(package, exc_type=(ImportError, RuntimeError))
    make = getattr(library, "create_model", None)
    theirs = make("resnet18", num_classes=10) if make else library.resnet18(num_classes=10)
    with torch.no_grad():
        assert torch.equal(theirs.eval()(X), build("resnet", weights=theirs.state_dict())(X))
