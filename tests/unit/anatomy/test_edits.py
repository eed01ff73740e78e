"""A call's output can be replaced, also one written in place, and gradients pass through it."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.functional import relu

from skipscope.anatomy.calls import Call
from skipscope.anatomy.capture import capture
from skipscope.api.probe import probe
from skipscope.models.registry import build
from skipscope.probes.grad_cam import grad_cam


@pytest.mark.parametrize("grad", [False, True])
@pytest.mark.parametrize("edited", [False, True])
@pytest.mark.parametrize(
    "way", [torch.relu_, lambda x: relu(x, inplace=True), functional.relu_, lambda x: relu(x, True)]
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


def test_an_output_can_be_replaced() -> None:
    torch.manual_seed(0)
    model, x = build("resnet14").eval(), torch.randn(2, 3, 32, 32)

    def without_the_branch(call: Call) -> Tensor | None:
        return call.inputs[1] if call.kind == "shortcut" and call.module == "layer1.1" else None

    with torch.no_grad():
        with capture(model, edit=without_the_branch):
            edited = model(x)
        block = model.get_submodule("layer1.1")
        block.bn2.weight.zero_()
        block.bn2.bias.zero_()
        assert torch.equal(edited, model(x))


def test_an_operator_can_be_run_again_on_other_inputs() -> None:
    torch.manual_seed(0)
    model, x = build("cnn").eval(), torch.randn(2, 3, 32, 32)

    def doubled(call: Call) -> Tensor | None:
        return call.again(2 * call.inputs[0]) if call.module == "fc3" else None

    with torch.no_grad():
        plain = model(x)
        with capture(model, edit=doubled):
            assert torch.allclose(model(x) - model.fc3.bias, 2 * (plain - model.fc3.bias), atol=1e-5)


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


@pytest.mark.parametrize("edits_modules", [True, False])
def test_a_modules_input_is_kept_only_for_an_edit_that_may_pass_it_on(*, edits_modules: bool) -> None:
    class Overwrites(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.block = nn.Conv2d(3, 4, 1), nn.Sequential(nn.ReLU(inplace=True))

        def forward(self, x: Tensor) -> Tensor:
            return self.block(self.conv(x)).mean((2, 3))

    torch.manual_seed(0)
    model, x, seen = Overwrites(), torch.randn(2, 3, 4, 4), list[Call]()
    with torch.no_grad():
        given = model.conv(x)
        with capture(model, seen.append, edit=lambda _call: None, edits_modules=edits_modules):
            model(x)
    (block,) = (call for call in seen if call.kind == "module" and call.module == "block")
    assert torch.equal(block.inputs[0], given) == edits_modules
