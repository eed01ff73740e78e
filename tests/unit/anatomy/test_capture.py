"""A network is listened to, whoever wrote it, and nothing of that is left behind."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.functional import relu

from skipscope.anatomy.capture import Call, anatomy, capture
from skipscope.models.registry import build
from skipscope.probes.grad_cam import grad_cam
from skipscope.probes.measure import probe


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
    assert [(site.kind, site.place) for site in sites] == [
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
    assert {site.place.split(":")[0] for site in seen.of("conv", "shortcut", "gate", "concat")} <= names


def test_every_dense_layer_reads_the_layers_before_it() -> None:
    seen = anatomy(build("densenet"), torch.zeros(2, 3, 32, 32))
    reads = {site.place: len(site.sources) for site in seen.of("conv", "linear")}
    first_convolutions = [reads[f"denseblock1.denseblock.{layer}.layer.2"] for layer in range(6)]
    assert first_convolutions == [1, 2, 3, 4, 5, 6]
    assert reads["conv1"] == 7
    assert reads["fc1"] == 7
    features = next(site for site in seen.of("linear") if site.place == "fc1").sources
    assert sum(count for _, count in features) == 448 * 4 * 4


def test_a_branch_and_its_shortcut_are_told_apart_and_seen_before_they_are_overwritten() -> None:
    torch.manual_seed(0)
    model, x = OfTheirOwn(), torch.randn(2, 3, 8, 8)
    seen: dict[str, Call] = {}
    with capture(model, lambda call: seen.update({call.place: call})):
        model(x)
    branch, shortcut = seen["shortcut"].inputs
    with torch.no_grad():
        first = relu(model.stem(x))
        f = model.inner(first)
        gate = torch.sigmoid(model.excite(relu(model.squeeze(f.mean((2, 3))))))
    assert torch.allclose(shortcut, first)
    assert torch.allclose(branch, f * gate[:, :, None, None])


@pytest.mark.parametrize("grad", [False, True])
@pytest.mark.parametrize("edited", [False, True])
@pytest.mark.parametrize(
    "way",
    [torch.relu_, lambda x: relu(x, inplace=True), functional.relu_, lambda x: relu(x, True)],
)
def test_a_relu_in_place_is_seen_with_what_it_was_given(
    way: Callable[[Tensor], Tensor], *, edited: bool, grad: bool
) -> None:
    class Rectified(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return way(self.conv(x)).mean((2, 3))

    model, x = Rectified(), torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    seen: list[Call] = []
    edit = (lambda call: call.output + 1 if call.kind == "relu" else None) if edited else None
    with torch.set_grad_enabled(grad):
        with capture(model, seen.append, edit=edit):
            found = model(x)
        given = model.conv(x)
    call = next(call for call in seen if call.kind == "relu")
    assert torch.equal(call.inputs[0], given)
    assert torch.equal(call.output, relu(given) + edited)
    assert torch.equal(found, call.output.mean((2, 3)))


def test_an_output_can_be_put_in_another_place() -> None:
    torch.manual_seed(0)
    model, x = build("resnet").eval(), torch.randn(2, 3, 32, 32)

    def without_the_branch(call: Call) -> Tensor | None:
        return call.inputs[1] if call.kind == "shortcut" and call.place == "layer1.1" else None

    with torch.no_grad():
        with capture(model, edit=without_the_branch):
            edited = model(x)
        block = model.get_submodule("layer1.1")
        block.bn2.weight.zero_()
        block.bn2.bias.zero_()
        assert torch.equal(edited, model(x))


def test_an_operator_can_be_run_again_on_other_inputs() -> None:
    torch.manual_seed(0)
    model, x = build("densenet").eval(), torch.randn(2, 3, 32, 32)

    def doubled(call: Call) -> Tensor | None:
        return call.again(2 * call.inputs[0]) if call.place == "fc1" else None

    with torch.no_grad():
        plain = model(x)
        with capture(model, edit=doubled):
            assert torch.allclose(model(x) - model.fc1.bias, 2 * (plain - model.fc1.bias), atol=1e-5)


def test_nothing_is_left_behind_even_after_an_error() -> None:
    model, x = build("resnet"), torch.randn(2, 3, 32, 32)

    def fails(call: Call) -> None:
        if call.place == "layer2.0.conv1":
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"), capture(model, fails):
        model(x)
    hooks = [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()]
    assert not any(hooks)
    assert not hasattr(x, "_skipscope_trace")
    assert torch.overrides._get_current_function_mode() is None


class Remembering(nn.Module):
    """A running mean of its input and its last map, which a later pass adds to its own."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.inner = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.register_buffer("mean", torch.zeros(3))
        self.last: list[Tensor] = [torch.zeros(2, 4, 8, 8)]

    def forward(self, x: Tensor) -> Tensor:
        self.mean.mul_(0.9).add_(x.mean((0, 2, 3)))
        x = self.stem(x - self.mean.view(3, 1, 1))
        x = self.inner(x) + self.last[0]
        self.last[0] = x.detach()
        return x.mean((2, 3))


def test_what_a_network_keeps_comes_from_no_other_pass_and_keeps_no_mark() -> None:
    model, x = Remembering(), torch.randn(2, 3, 8, 8)
    passes: list[list[tuple[str, str]]] = []
    with torch.no_grad(), capture(model, lambda call: passes[-1].append((call.kind, call.place))):
        for _ in range(2):
            passes.append([])
            model(x)
    assert passes[0] == passes[1]
    assert vars(model.mean) == vars(model.last[0]) == {}


def test_a_network_is_put_back_into_the_modes_it_was_in() -> None:
    model = build("resnet")
    model.bn.eval()
    before = [module.training for module in model.modules()]
    statistics = model.bn.running_mean.clone()
    anatomy(model, torch.randn(2, 3, 32, 32))
    assert [module.training for module in model.modules()] == before
    assert torch.equal(model.bn.running_mean, statistics)


class InPlace(nn.Module):
    """A gated residual block whose in-place operators are statements, or hand on what they return."""

    def __init__(self, *, statements: bool) -> None:
        super().__init__()
        self.statements = statements
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.conv, self.bn = nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.gate, self.read = nn.Linear(8, 8), nn.Linear(8, 10)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        if self.statements:
            functional.relu_(x)
            f = self.bn(self.conv(x))
            f.mul_(torch.sigmoid(self.gate(f.mean((2, 3))))[:, :, None, None])
            f.add_(x)
            self.relu(f)
        else:
            x = functional.relu_(x)
            f = self.bn(self.conv(x))
            f = f.mul_(torch.sigmoid(self.gate(f.mean((2, 3))))[:, :, None, None])
            f = f.add_(x)
            f = self.relu(f)
        return self.read(f.mean((2, 3)))


def both() -> tuple[InPlace, InPlace]:
    torch.manual_seed(0)
    one, other = InPlace(statements=True), InPlace(statements=False)
    other.load_state_dict(one.state_dict())
    return one.eval(), other.eval()


@pytest.mark.parametrize("kind", ["relu", "gate", "shortcut"])
@pytest.mark.parametrize("with_gradient", [False, True])
def test_an_in_place_call_can_be_edited_whether_its_result_is_used_or_not(
    kind: str, *, with_gradient: bool
) -> None:
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    found = []
    for model in both():
        put: list[Tensor] = []

        def edit(call: Call, put: list[Tensor] = put) -> Tensor | None:
            if call.kind != kind:
                return None
            put.append((call.output.detach() * 0.5 + 1).requires_grad_(with_gradient))
            return put[-1].clone()

        with torch.no_grad():
            intact = model(x)
        with torch.set_grad_enabled(with_gradient), capture(model, edit=edit):
            edited = model(x)
        assert put
        assert not torch.allclose(edited, intact)
        gradients = torch.autograd.grad(edited[:, 0].sum(), put[-1:]) if with_gradient else ()
        assert all(gradient.abs().max() > 0 for gradient in gradients)
        found.append((edited, *gradients))
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


@pytest.mark.parametrize("name", ["block_deletion", "gate_surgery"])
def test_probes_read_the_same_of_statements_and_of_expressions(name: str) -> None:
    x = torch.randn(6, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    one, other = (probe(model, x, torch.arange(6), probes=[name]) for model in both())
    assert one.equals(other)
    changes = one.filter(one["quantity"].str.starts_with("loss_change"))["value"]
    assert len(changes) > 0
    assert all(change != 0 for change in changes)


def test_a_heat_map_is_the_same_of_statements_and_of_expressions() -> None:
    image = torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(1))
    one, other = (grad_cam(model, image) for model in both())
    assert one is not None
    assert other is not None
    assert one.values.max() == 1
    assert torch.equal(one.values, other.values)


class InParts(nn.Module):
    """What has several outputs: every layer behind it must still be heard of."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.stem, self.more = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(4, 8, 3, padding=1)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.read = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        if self.way == "attention":
            tokens = x.flatten(2).transpose(1, 2)
            return self.read(self.attention(tokens, tokens, tokens)[0].mean(1))
        if self.way == "max":
            return self.read(x.flatten(2).max(2)[0])
        if self.way == "gate":
            gate, x = torch.sigmoid(x).chunk(2, 1)[0], x.chunk(2, 1)[1]
            x = x * gate
        elif self.way == "unbind":
            x = torch.stack(x.unbind(1)[:4], 1)
        else:
            x = (x.chunk(2, dim=1) if self.way == "chunk" else torch.split(x, 4, 1))[1]
        return self.read(self.more(x).mean((2, 3)))


@pytest.mark.parametrize("way", ["chunk", "split", "unbind", "max", "attention", "gate"])
def test_what_has_several_outputs_does_not_end_the_trace(way: str) -> None:
    seen = anatomy(InParts(way), IMAGES)
    layers = [(site.place, site.depth) for site in seen.of("conv", "linear")]
    maps = way not in ("max", "attention")
    assert layers == ([("stem", 1), ("more", 2), ("read", 3)] if maps else [("stem", 1), ("read", 2)])
    assert len(seen.of("gate")) == (way == "gate")
    if maps:
        read = next(site for site in seen.sites if site.place == "more").sources
        assert read == (() if way == "unbind" else (("stem", 4),))


class IntoParts(nn.Module):
    """What convolutions make is written into parts of a tensor, and parts are changed where they are."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.a, self.b = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 4, 3, padding=1)
        self.more, self.read = nn.Conv2d(8, 8, 3, padding=1), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.zeros(len(x), 8, 8, 8)
        for part, made in ((slice(4), self.a(x)), (slice(4, 8), self.b(x))):
            if self.way == "=":
                y[:, part] = made
            elif self.way == "+=":
                y[:, part] += made
            else:
                getattr(y[:, part], self.way)(made)
        f = self.more(y)
        f[:, :2] *= 3
        f[:, :, 0] = 0
        return self.read((f + y).mean((2, 3)))


@pytest.mark.parametrize("way", ["=", "+=", "copy_", "add_"])
@pytest.mark.parametrize("grad", [True, False])
def test_what_is_written_into_parts_of_a_tensor_is_heard_of(way: str, *, grad: bool) -> None:
    with torch.set_grad_enabled(grad):
        sites = anatomy(IntoParts(way), IMAGES).sites
    assert [(site.kind, site.place, site.depth) for site in sites] == [
        ("conv", "a", 1),
        ("conv", "b", 1),
        ("conv", "more", 2),
        ("shortcut", "shortcut", 2),
        ("linear", "read", 3),
    ]
    assert sites[2].sources == ()  # four of each, but that is not followed
    assert sites[3].sources == (("more", 8),)


class Moved(nn.Module):
    """Half of what two convolutions made is overwritten by the other half."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 4, 3, padding=1)
        self.read = nn.Conv2d(8, 10, 8)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.cat((self.a(x), self.b(x)), 1)
        y[:, :4] = y[:, 4:]
        return self.read(y).flatten(1)


def test_a_part_that_is_moved_within_its_tensor_is_not_taken_for_what_was_there() -> None:
    assert anatomy(Moved(), IMAGES).sites[-1].sources == ()


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


@pytest.mark.parametrize("statements", [False, True])
def test_a_gradient_passes_through_an_edited_relu_in_place(*, statements: bool) -> None:
    model = both()[not statements]
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    with capture(model, edit=lambda call: 2 * call.output if call.kind == "relu" else None):
        model(x).sum().backward()
    found = model.stem.weight.grad
    gate = model.gate
    first = 2 * relu(model.stem(x))
    f = model.bn(model.conv(first))
    f = f * torch.sigmoid(gate(f.mean((2, 3))))[:, :, None, None]
    last = 2 * relu(f + first)
    (by_hand,) = torch.autograd.grad(model.read(last.mean((2, 3))).sum(), model.stem.weight)
    assert found is not None
    assert torch.allclose(found, by_hand, rtol=1e-4, atol=1e-6)
