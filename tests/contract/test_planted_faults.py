"""Faults planted in true networks: the probes measure them, and the claims come to the right verdict.

Five small networks each, untrained: a fault shows at once, and a verdict needs five seeds.
"""

from collections.abc import Callable
from functools import cache
from math import sqrt
from typing import Any

import polars as pl
import pytest
import torch
from made_up_evidence import tables
from torch import Tensor, nn

from skipscope.api.probe import probe
from skipscope.claims.evaluate import evaluate
from skipscope.claims.model import ClaimResult, Finding
from skipscope.models.registry import build

SEEDS = 5
"""As few as a verdict takes."""
SMALL: dict[str, Any] = {"number": 20, "side": 8}
"""Images for deep networks, and for probes that take many passes."""
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


def as_built(_model: nn.Module) -> None:
    """No fault."""


@cache
def start(arm: str, *probes: str, fault: Fault = as_built) -> Readings:
    """Readings of the networks before their first step."""
    few = {"number": 12, "side": 8} if arm.startswith("dense") else {}
    return rows(arm, faulty(arm, fault), *probes, step=0, **few)


def trained(arm: str, fault: Fault, *probes: str, before: Fault = as_built) -> Readings:
    """Readings of the networks before their first step and, with the fault, at their end."""
    ends = ((arm, seed, table.with_columns(step=pl.lit(9, pl.Int64)))
            for arm, seed, table in start(arm, *probes, fault=fault))  # fmt: skip
    return [*start(arm, *probes, fault=before), *ends]


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
    vanishes = judged("plain20", measured=twice(found))["S1a"]
    assert estimate[0] < part(vanishes, "start").effect.estimate < estimate[1]
    assert verdict is None or vanishes.verdict == verdict


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
    probes = ("gradient_flow", "shattering", "gradient_confusion")
    plain = rows("plain20", faulty("plain20", as_built), *probes, step=0, **SMALL)
    broken = rows("resnet20", faulty("resnet20", without_shortcuts), *probes, step=0, **SMALL)
    found = judged("plain20", "resnet20", measured=plain + broken)
    for id in ("S1c", "S6", "S10"):
        effect = part(found[id], "start").effect
        # networks of one seed start from equal weights: what is left is the rounding of sums in another order
        assert effect.estimate == pytest.approx(0, abs=1e-4)
        assert part(found[id], "start").verdict == "contradicted"
        assert found[id].verdict == "contradicted"


def test_a_shortcut_that_works_does_make_one() -> None:
    plain = rows("plain20", faulty("plain20", as_built), "gradient_flow", step=0)
    whole = rows("resnet20", faulty("resnet20", as_built), "gradient_flow", step=0)
    found = judged("plain20", "resnet20", measured=plain + whole)
    effect = part(found["S1c"], "start").effect
    assert effect.estimate < -0.1
    assert effect.high < 0


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
    found = judged("se_resnet8", measured=trained("se_resnet8", frozen, "gates"))
    assert found["E1"].verdict == "contradicted"
    assert part(found["E1"], "class_share").effect.estimate < 1e-3  # a share of 0, over that of the start
    alive = judged("se_resnet8", measured=trained("se_resnet8", awake, "gates", before=frozen))
    assert alive["E1"].verdict == "supported"
    replaced = rows("se_resnet8", faulty("se_resnet8", frozen), "gate_surgery", step=9)
    other = part(judged("se_resnet8", measured=twice(replaced))["E4"], "other")
    assert other.effect.estimate == pytest.approx(0, abs=1e-6)
    assert other.verdict == "contradicted"


def test_gates_that_were_not_trained_know_no_more_than_at_the_start() -> None:
    """They do know something of the class, which the first edition took for what training brings."""
    found = trained("se_resnet8", as_built, "gates")
    shares = pl.concat([table for *_, table in found]).filter(pl.col("quantity") == "class_share")["value"]
    assert shares.mean() > 0.05
    e1 = judged("se_resnet8", measured=found)["E1"]
    assert part(e1, "class_share").effect.estimate == pytest.approx(1)
    assert e1.verdict == "contradicted"


def forgetful(model: nn.Module) -> None:
    """Dense layers that read the newest channels alone."""
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d) and name.startswith("denseblock"):
            growth = module.out_channels
            module.weight[:, : module.in_channels - growth].zero_()


REUSE = "reuse_by_weight", "reuse_by_ablation"


def test_a_dense_layer_that_ignores_its_early_inputs_is_found() -> None:
    d1 = judged("densenet13_k4", measured=trained("densenet13_k4", forgetful, *REUSE))["D1"]
    assert d1.verdict == "contradicted"
    assert part(d1, "weight").effect.estimate < -0.5
    assert part(d1, "weight").verdict == part(d1, "ablation").verdict == "contradicted"


def test_dense_layers_that_were_not_trained_have_not_come_to_use_their_sources() -> None:
    """They read them all alike, which the first edition took for what training brings."""
    found = trained("densenet13_k4", as_built, *REUSE)
    d1 = judged("densenet13_k4", measured=found)["D1"]
    assert part(d1, "weight").effect.estimate == part(d1, "ablation").effect.estimate == 0
    assert part(d1, "weight").verdict == "supported"  # no source is neglected
    assert part(d1, "ablation").verdict == d1.verdict == "contradicted"  # and none is needed more


def shrunken(model: nn.Module) -> None:
    """Branches that add next to nothing."""
    for name, module in model.named_modules():
        if isinstance(module, nn.BatchNorm2d) and name.endswith("bn2"):
            module.weight.fill_(0.05)


def grown(model: nn.Module) -> None:
    """Twice as much, which is little still."""
    shrunken(model)
    for name, module in model.named_modules():
        if isinstance(module, nn.BatchNorm2d) and name.endswith("bn2"):
            module.weight.mul_(2)


def test_blocks_near_the_identity_at_the_start_that_training_moves_are_found() -> None:
    """They end near it, too: the first edition asked how near, and not what training did."""
    moved = trained("resnet8", grown, "branch_scale", before=shrunken)
    assert judged("resnet8", measured=moved)["S4"].verdict == "supported"
    ends = [table.filter(pl.col("step") > 0, pl.col("quantity") == "l2_ratio") for *_, table in moved]
    assert pl.concat(ends)["value"].max() < 0.5
    still = trained("resnet8", shrunken, "branch_scale", before=shrunken)
    assert judged("resnet8", measured=still)["S4"].verdict == "contradicted"


def dead(model: nn.Module) -> None:
    """The last stage's ReLUs are shut for every image."""
    for block in model.layer3:
        for norm in (block.bn1, block.bn2):
            norm.weight.zero_()
            norm.bias.fill_(-1.0)


def test_a_dead_relu_stage_is_found_and_leaves_no_gradient_to_compare() -> None:
    model = faulty("plain20", dead)
    found = rows("plain20", model, "activations", "gradient_flow", step=0, **SMALL)
    last_stage = pl.col("module").str.starts_with("layer3") & (pl.col("quantity") == "dead")
    shares = pl.concat([table for *_, table in found]).filter(last_stage)["value"]
    assert set(shares) == {1}
    whole = rows("resnet20", faulty("resnet20", as_built), "gradient_flow", step=0, **SMALL)
    gradients = judged("plain20", "resnet20", measured=found + whole)["S1c"]
    assert gradients.verdict == "not_measured"
    assert part(gradients, "start").missing


def test_arms_that_differ_in_their_stem_are_confounded() -> None:
    found = {r.id: r for r in evaluate(tables("resnet", "se_resnet", seeds=SEEDS))}
    assert found["E3"].verdict == "confounded"
    assert "stem" in {difference.what for difference in found["E3"].findings[0].confounds}
