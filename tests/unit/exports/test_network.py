"""Networks as ONNX and TorchScript: the same logits, or nothing."""

import io
import json

import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from skipscope.errors import SkipscopeError
from skipscope.exports import network
from skipscope.exports.network import KINDS, TOLERANCE, images, packed
from skipscope.models.registry import build

NOTES = {"run": "a-run", "classes": ["cat", "狗"], "mean": (0.5, 0.25, 0.125)}


class Switch(nn.Module):
    """Decides in Python, by the images."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Linear(3072, 10), nn.Linear(3072, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        return self.one(x) if x.sum() > 0 else self.other(x)


class Sized(nn.Module):
    """Hides the number of images from whoever follows it."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(3072, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.one(x.view(int(x.shape[0]), -1))


def trained(name: str) -> nn.Module:
    """A network whose every tensor matters: BatchNorm's start at 0 and 1."""
    model = build(name)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                    tensor.add_(torch.rand(tensor.shape, generator=generator))
    return model.eval()


@pytest.mark.parametrize("name", ["se_resnet8", "densenet7_k4"])
def test_onnxruntime_gives_the_network_s_logits_for_any_number_of_images(name: str) -> None:
    model = trained(name)
    made = packed(model, "onnx", NOTES)
    onnx.checker.check_model(onnx.load_from_string(made.content), full_check=True)
    session = onnxruntime.InferenceSession(made.content, providers=["CPUExecutionProvider"])
    for count in (1, 5):
        x = images(count) * 3
        with torch.no_grad():
            own = model(x)
        (logits,) = session.run(None, {"images": x.numpy()})
        assert (torch.from_numpy(logits) - own).abs().max() <= TOLERANCE * own.abs().max()
    assert made.apart <= TOLERANCE


def test_torchscript_loaded_again_gives_the_network_s_logits() -> None:
    model = trained("se_resnet8")
    made = packed(model, "torchscript", NOTES)
    notes = dict.fromkeys(NOTES, "")
    with pytest.warns(DeprecationWarning, match="torch.jit.load"):
        loaded = torch.jit.load(io.BytesIO(made.content), _extra_files=notes)
    assert {key: json.loads(value) for key, value in notes.items()} == json.loads(json.dumps(NOTES))
    with torch.no_grad():
        own = model(images(3))
        assert (loaded(images(3)) - own).abs().max() <= TOLERANCE * own.abs().max()


def test_an_onnx_file_says_what_it_is_and_nothing_of_this_machine() -> None:
    content = packed(build("cnn").eval(), "onnx", NOTES).content
    props = {each.key: json.loads(each.value) for each in onnx.load_from_string(content).metadata_props}
    assert props == json.loads(json.dumps(NOTES))
    assert b".py" not in content


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_tensor_is_noticed(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file of a network one of whose kernels is another's is not handed out."""
    follow = KINDS[kind]

    def changed(model: nn.Module, notes: dict[str, str]) -> tuple[bytes, network.Run]:
        wrong = trained("cnn")
        kernel = wrong.get_parameter("conv2.weight")
        kernel.data = kernel.data.flip(0)
        return follow(wrong, notes)

    monkeypatch.setitem(KINDS, kind, changed)
    with pytest.raises(SkipscopeError, match="gives other logits than the network"):
        packed(trained("cnn"), kind, {})


@pytest.mark.parametrize(
    ("model", "kind", "why"),
    [
        (Switch, "onnx", "cannot be written as onnx"),
        (Switch, "torchscript", "gives other logits"),
        (Sized, "onnx", "takes no batch of 7 images"),
        (Sized, "torchscript", "takes no batch of 7 images"),
    ],
)
def test_a_network_that_cannot_be_followed_is_refused(
    model: type[nn.Module], kind: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SkipscopeError, match=why) as refused:
        packed(model().eval(), kind, {})
    assert refused.value.hint
    assert "".join(capsys.readouterr()) == ""


@pytest.mark.parametrize("package", ["onnx", "onnxruntime", "onnxscript"])
def test_a_package_that_is_not_installed_is_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(SkipscopeError, match=f"ONNX needs the package {package}") as refused:
        packed(build("cnn").eval(), "onnx", {})
    assert "skipscope[export]" in refused.value.hint
