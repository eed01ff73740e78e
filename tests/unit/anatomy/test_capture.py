"""A network's calls are followed, whoever wrote it, and nothing of that is left behind."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.functional import relu

from skipscope.anatomy.calls import Call
from skipscope.anatomy.capture import anatomy, capture
from skipscope.models.registry import build


class OfTheirOwn(nn.Module):
    """Functional ReLU, in-place addition, a gate of linear layers that is expanded, a list concatenated."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.inner = nn.Conv2d(8, 8, 3, padding=1)
        self.squeeze, self.excite = nn.Linear(8, 4), nn.Linear(4, 8)
        self.more = nn.Conv2d(8, 4, 3, padding=1)
        self.read = nn.Linear(12, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = relu(self.stem(x))
        f = self.inner(x)
        gate = torch.sigmoid(self.excite(relu(self.squeeze(f.mean((2, 3)))))).view(len(f), 8, 1, 1)
        f = f * gate.expand_as(f)
        f += x
        x = relu(f, inplace=True)
        x = torch.cat((x, self.more(x)), 1)
        return self.read(x.mean((2, 3)))


IMAGES = torch.zeros(2, 3, 8, 8)


def test_what_somebody_else_wrote_is_understood_from_its_calls() -> None:
    sites = anatomy(OfTheirOwn(), IMAGES).sites
    assert [(site.kind, site.module) for site in sites] == [
        ("conv", "stem"),
        ("relu", "relu"),
        ("conv", "inner"),
        ("linear", "squeeze"),
        ("relu", "relu:2"),
        ("linear", "excite"),
        ("gate", "gate"),
        ("shortcut", "shortcut"),
        ("relu", "relu:3"),
        ("conv", "more"),
        ("concat", "concat"),
        ("linear", "read"),
    ]
    last = sites[-1]
    assert last.sources == (("shortcut", 8), ("more", 4))
    assert [site.depth for site in sites if site.kind in ("conv", "gate", "shortcut")] == [1, 2, 2, 2, 3]


@pytest.mark.parametrize(
    ("network", "shortcuts", "gates", "concats"),
    [("cnn", 0, 0, 0), ("resnet", 8, 0, 0), ("densenet", 0, 0, 12), ("se_resnet", 8, 8, 0)],
)
def test_the_classroom_networks_have_what_their_names_say(
    network: str, shortcuts: int, gates: int, concats: int
) -> None:
    seen = anatomy(build(network), torch.zeros(2, 3, 32, 32))
    counted = len(seen.of("shortcut")), len(seen.of("gate")), len(seen.of("concat"))
    assert counted == (shortcuts, gates, concats)
    names = {name for name, _ in build(network).named_modules()}
    assert {site.module.split(":")[0] for site in seen.of("conv", "shortcut", "gate", "concat")} <= names


def test_every_dense_layer_reads_the_layers_before_it() -> None:
    seen = anatomy(build("densenet"), torch.zeros(2, 3, 32, 32))
    reads = {site.module: len(site.sources) for site in seen.of("conv", "linear")}
    first_convolutions = [reads[f"denseblock1.denseblock.{layer}.layer.2"] for layer in range(6)]
    assert first_convolutions == [1, 2, 3, 4, 5, 6]
    assert reads["conv1"] == 7
    assert reads["fc1"] == 7
    features = next(site for site in seen.of("linear") if site.module == "fc1").sources
    assert sum(count for _, count in features) == 448 * 4 * 4


def test_a_branch_and_its_shortcut_are_told_apart_and_seen_before_they_are_overwritten() -> None:
    torch.manual_seed(0)
    model, x = OfTheirOwn(), torch.randn(2, 3, 8, 8)
    seen: dict[str, Call] = {}
    with capture(model, lambda call: seen.update({call.module: call})):
        model(x)
    branch, shortcut = seen["shortcut"].inputs
    with torch.no_grad():
        first = relu(model.stem(x))
        f = model.inner(first)
        gate = torch.sigmoid(model.excite(relu(model.squeeze(f.mean((2, 3))))))
    assert torch.allclose(shortcut, first)
    assert torch.allclose(branch, f * gate[:, :, None, None])


def test_nothing_is_left_behind_even_after_an_error() -> None:
    model, x = build("resnet8"), torch.randn(2, 3, 32, 32)

    def fails(call: Call) -> None:
        if call.module == "layer2.0.conv1":
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"), capture(model, fails):
        model(x)
    hooks = [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()]
    assert not any(hooks)
    assert not hasattr(x, "_skipscope_trace")
    assert torch.overrides._get_current_function_mode() is None


def test_a_network_is_put_back_into_the_modes_it_was_in() -> None:
    model = build("resnet8")
    model.bn.eval()
    before = [module.training for module in model.modules()]
    statistics = model.bn.running_mean.clone()
    anatomy(model, torch.randn(2, 3, 32, 32))
    assert [module.training for module in model.modules()] == before
    assert torch.equal(model.bn.running_mean, statistics)


class Named(nn.Module):
    """The same network with its operands in their places, and with all of them named."""

    def __init__(self, *, named: bool) -> None:
        super().__init__()
        self.named = named
        self.stem, self.inner = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.bn, self.gate, self.read = nn.BatchNorm2d(8), nn.Linear(8, 8), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        w, n = self.inner.weight, self.bn
        if not self.named:
            x = torch.mul(self.stem(x), 0.5)
            f = functional.batch_norm(functional.conv2d(x, w, None, 1, 1), n.running_mean, n.running_var)
            g = torch.sigmoid(functional.linear(f.mean((2, 3)), self.gate.weight))[:, :, None, None]
            f = functional.relu(torch.add(torch.mul(f, g), x))
            return self.read(torch.cat((f, x), 1).mean((2, 3)))
        x = torch.mul(input=self.stem(x), other=0.5)
        f = functional.conv2d(weight=w, input=x, padding=1)
        f = functional.batch_norm(input=f, running_mean=n.running_mean, running_var=n.running_var)
        g = functional.linear(weight=self.gate.weight, input=torch.mean(input=f, dim=(2, 3)))
        g = torch.sigmoid(input=g)[:, :, None, None]
        f = functional.relu(input=torch.add(input=torch.mul(input=f, other=g), other=x))
        return self.read(torch.mean(input=torch.cat(tensors=(f, x), dim=1), dim=(2, 3)))


def test_named_operands_are_heard_like_those_in_their_places() -> None:
    torch.manual_seed(0)
    one, other = Named(named=False).eval(), Named(named=True).eval()
    other.load_state_dict(one.state_dict())
    sites = anatomy(one, IMAGES).sites
    assert anatomy(other, IMAGES).sites == sites
    assert len(sites) == 9
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    weights: list[list[torch.Size]] = []

    def again(call: Call) -> Tensor | None:
        return None if call.kind == "module" else call.again(*(2 * operand for operand in call.inputs))

    with torch.no_grad():
        edited = []
        for model in (one, other):
            weights.append([])
            with capture(model, lambda c: c.weight is None or weights[-1].append(c.weight.shape), edit=again):
                edited.append(model(x))
    assert torch.equal(*edited)
    assert weights[0] == weights[1]
    assert len(weights[0]) == 4
