"""Faults planted in true networks: the probes measure them, and the claims come to the right verdict.

Five small networks each, untrained: a fault shows at once, and a verdict needs five seeds.
"""

from collections.abc import Callable
from math import sqrt

import polars as pl
import pytest
import torch
from made_up_evidence import tables
from torch import Tensor, nn

from skipscope.analysis.scales import EDGE
from skipscope.api.probe import probe
from skipscope.claims.evaluate import evaluate
from skipscope.claims.model import ClaimResult, Finding
from skipscope.models.registry import build

SEEDS = 5
"""As few as a verdict takes."""
Fault = Callable[[nn.Module], object]
Readings = list[tuple[str, int, pl.DataFrame]]


def images(number: int, side: int) -> tuple[Tensor, Tensor]:
    """Classes that differ in brightness: gates and gradients have something to tell apart."""
    labels = torch.arange(number) % 10
    x = torch.randn(number, 3, side, side, generator=torch.Generator().manual_seed(1))
    return x + (labels / 3).view(-1, 1, 1, 1), labels


def rows(
    arm: str, model: Callable[[int], nn.Module], *probes: str, step: int, number: int = 40, side: int = 16
) -> Readings:
    """Readings of each seed's network, as if they were of this step of its run."""
    x, y = images(number, side)
    return [
        (arm, seed, probe(model(seed), x, y, probes=probes).with_columns(step=pl.lit(step, pl.Int64)))
        for seed in range(SEEDS)
    ]


def twice(readings: Readings) -> Readings:
    """The same networks as if of further seeds: what is measured without a control needs ten."""
    return readings + [(arm, seed + SEEDS, table) for arm, seed, table in readings]


def judged(*arms: str, measured: Readings) -> dict[str, ClaimResult]:
    seeds = 1 + max(seed for _, seed, _ in measured)
    found = evaluate(tables(*arms, seeds=seeds, measured=measured))
    return {result.id: result for result in found}


def part(result: ClaimResult, name: str) -> Finding:
    [finding] = [finding for finding in result.findings if finding.part == name]
    return finding


def faulty(name: str, fault: Fault) -> Callable[[int], nn.Module]:
    def make(seed: int) -> nn.Module:
        model = build(name, seed=seed)
        with torch.no_grad():
            fault(model)
        return model

    return make


def stack(activation: type[nn.Module], gain: float) -> Callable[[int], nn.Module]:
    """Sixteen convolutions one after the other, without normalisation or shortcuts."""

    def make(seed: int) -> nn.Module:
        generator = torch.Generator().manual_seed(seed)
        layers: list[nn.Module] = [nn.Conv2d(3, 8, 3, padding=1)]
        for _ in range(15):
            convolution = nn.Conv2d(8, 8, 3, padding=1)
            with torch.no_grad():
                convolution.weight.normal_(0, gain * sqrt(2 / (8 * 9)), generator=generator)
            layers += [activation(), convolution]
        return nn.Sequential(*layers, activation(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))

    return make


@pytest.mark.parametrize(
    ("activation", "gain", "verdict", "estimate"),
    [
        # a sigmoid's slope is at most 1/4: 15 of them leave a part in 10^6 or less, but for the gain
        (nn.Sigmoid, 1.0, "supported", (-12, -3)),
        # twice He's gain doubles the gradient a layer: 2^15 is 10^4.5
        (nn.ReLU, 2.0, "contradicted", (3.5, 5.5)),
        # his own keeps its size, within what sixteen random layers of eight channels do
        (nn.ReLU, 1.0, None, (-1, 1)),
    ],
    ids=["vanishing", "exploding", "neither"],
)
def test_a_stack_without_normalisation(
    activation: type[nn.Module], gain: float, verdict: str | None, estimate: tuple[float, float]
) -> None:
    """In the place of plain20: its gradient fades, or explodes, or arrives."""
    found = rows("plain20", stack(activation, gain), "gradient_flow", step=0, side=8)
    fades = part(judged("plain20", measured=twice(found))["S1"], "fades")
    assert estimate[0] < fades.effect.estimate < estimate[1]
    assert verdict is None or fades.verdict == verdict


class NoShortcut(nn.Module):
    """A shortcut whose result is multiplied by zero."""

    def __init__(self, shortcut: nn.Module) -> None:
        super().__init__()
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        return 0 * self.shortcut(x)


def without_shortcuts(model: nn.Module) -> None:
    for name, module in list(model.named_modules()):
        if name.endswith("shortcut"):
            parent = model.get_submodule(name.rpartition(".")[0])
            parent.shortcut = NoShortcut(module)


def test_a_shortcut_multiplied_by_zero_makes_no_difference_from_a_plain_network() -> None:
    plain = rows("plain8", faulty("plain8", lambda _: None), "gradient_flow", "shattering", step=0)
    broken = rows("resnet8", faulty("resnet8", without_shortcuts), "gradient_flow", "shattering", step=0)
    found = judged("plain8", "resnet8", measured=plain + broken)
    for id in ("S1", "S6"):
        effect = part(found[id], "start").effect
        # networks of one seed start from equal weights: what is left is the rounding of sums in another order
        assert effect.estimate == pytest.approx(0, abs=1e-4)
        assert part(found[id], "start").verdict == "contradicted"
        assert found[id].verdict == "contradicted"


def test_a_shortcut_that_works_does_make_one() -> None:
    plain = rows("plain20", faulty("plain20", lambda _: None), "gradient_flow", step=0)
    whole = rows("resnet20", faulty("resnet20", lambda _: None), "gradient_flow", step=0)
    found = judged("plain20", "resnet20", measured=plain + whole)
    effect = part(found["S1"], "start").effect
    assert abs(effect.estimate) > 0.1
    assert not effect.low <= 0 <= effect.high


def frozen(model: nn.Module) -> None:
    """Gates that are what they are, whatever the image."""
    for name, module in model.named_modules():
        if name.endswith(".se"):
            last = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d | nn.Linear)][-1]
            last.weight.zero_()


def awake(model: nn.Module) -> None:
    """Gates that depend on what they squeeze."""
    for name, module in model.named_modules():
        if name.endswith(".se"):
            for layer in module.modules():
                if isinstance(layer, nn.Conv2d | nn.Linear):
                    layer.weight.mul_(3)


def test_a_gate_frozen_at_a_constant_knows_nothing_and_causes_nothing() -> None:
    found = judged(
        "se_resnet8",
        measured=twice(rows("se_resnet8", faulty("se_resnet8", frozen), "gates", "gate_surgery", step=9)),
    )
    assert found["E1"].verdict == found["E4"].verdict == "contradicted"
    assert part(found["E1"], "class_share").effect.estimate == pytest.approx(EDGE)  # a share of 0
    assert part(found["E4"], "other").effect.estimate == pytest.approx(0, abs=1e-6)
    whole = rows("se_resnet8", faulty("se_resnet8", awake), "gates", step=9)
    alive = judged("se_resnet8", measured=twice(whole))
    assert alive["E1"].verdict == "supported"


def forgetful(model: nn.Module) -> None:
    """Dense layers that read the newest channels alone."""
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d) and name.startswith("denseblock"):
            growth = module.out_channels
            module.weight[:, : module.in_channels - growth].zero_()


def test_a_dense_layer_that_ignores_its_early_inputs_is_found() -> None:
    small = {"step": 9, "number": 20, "side": 8}
    model = faulty("densenet13_k4", forgetful)
    found = rows("densenet13_k4", model, "reuse_by_weight", "reuse_by_ablation", **small)
    d1 = judged("densenet13_k4", measured=twice(found))["D1"]
    assert d1.verdict == "contradicted"
    assert part(d1, "weight").effect.estimate < 0.25
    assert part(d1, "ablation").verdict == "contradicted"
    whole = rows("densenet13_k4", faulty("densenet13_k4", lambda _: None), "reuse_by_weight", **small)
    assert part(judged("densenet13_k4", measured=twice(whole))["D1"], "weight").verdict == "supported"


def dead(model: nn.Module) -> None:
    """The last stage's ReLUs are shut for every image."""
    for block in model.layer3:
        for norm in (block.bn1, block.bn2):
            norm.weight.zero_()
            norm.bias.fill_(-1.0)


def test_a_dead_relu_stage_is_found_and_leaves_no_gradient_to_compare() -> None:
    model = faulty("plain8", dead)
    found = rows("plain8", model, "activations", "gradient_flow", step=0)
    last_stage = pl.col("module").str.starts_with("layer3") & (pl.col("quantity") == "dead")
    shares = pl.concat([table for *_, table in found]).filter(last_stage)["value"]
    assert set(shares) == {1}
    whole = rows("resnet8", faulty("resnet8", lambda _: None), "gradient_flow", step=0)
    gradients = judged("plain8", "resnet8", measured=found + whole)["S1"]
    assert gradients.verdict == "not_measured"
    assert part(gradients, "start").missing


def test_arms_that_differ_in_their_stem_are_confounded() -> None:
    found = {r.id: r for r in evaluate(tables("resnet", "se_resnet", seeds=SEEDS))}
    assert found["E3"].verdict == "confounded"
    assert "stem" in {difference.what for difference in found["E3"].findings[0].confounds}
