"""Close-ups of blocks say what our networks' blocks are made of."""

import re

import pytest
import torch
from drawings import as_drawn, count, labels, outside, texts
from torch import nn

from skipscope.anatomy.describe import describe
from skipscope.diagrams.blocks import BODY, DENSE, GATE, draw_blocks
from skipscope.diagrams.modules import draw_dense, draw_gate
from skipscope.models.blocks import SE, BasicBlock, DenseBasic

LAYERS = {"Conv2d": "conv", "BatchNorm2d": "norm", "ReLU": "relu"}


def layers(block: nn.Module) -> list[str]:
    """What a block calls, in order, as the diagrams name it."""
    called: list[str] = []
    for module in block.modules():
        if not list(module.children()) and (kind := LAYERS.get(type(module).__name__)):
            size = module.kernel_size[0] if isinstance(module, nn.Conv2d) else ""
            module.register_forward_hook(lambda *_, told=f"{kind}{size}": called.append(told))
    with torch.no_grad():
        block.eval()(torch.zeros(2, 32, 8, 8))
    return called


def test_the_layers_are_those_of_the_classroom_networks() -> None:
    assert tuple(layers(BasicBlock(32, 32))) == (*BODY, "relu")
    assert tuple(layers(DenseBasic(32, 32))) == DENSE


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_reduction_of_a_gate_is_that_of_the_classroom_network(language: str) -> None:
    gate, words = SE(64), labels(language)
    assert gate.fc1.in_channels // gate.fc1.out_channels == 16
    assert words["squeeze"].endswith("𝐶 → 𝐶/16")
    assert words["excite"].endswith("𝐶/16 → 𝐶")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_four_blocks_stand_side_by_side_in_rows(language: str) -> None:
    words = labels(language)
    drawing = draw_blocks(words)
    told = texts(drawing)
    heads = [text for text in told if text.baseline == told[0].baseline]
    assert [text.words for text in heads] == [words[kind] for kind in ("plain", "residual", "dense", "gated")]
    formulas = [text.words for text in told if text.baseline == told[1].baseline]
    assert formulas == ["f(x)", "f(x) + x", "[x, f(x)]", "s·f(x) + x"]
    assert [text.words for text in told].count(words["conv3"]) == 3 * 2 + 1
    assert all(as_drawn(words[layer]) in [text.words for text in told] for layer in GATE)
    assert outside(drawing) == []


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("name", "widths", "growth"),
    [
        ("densenet", [32, 64, 96, 128, 160, 192, 224], 32),
        ("densenet22_k12", [16, 28, 40, 52, 64, 76, 88], 12),
        ("densenet_bc100_k12", [24, 36, 48, 60, 72, 84, 216], 12),
    ],
)
def test_a_dense_block_grows_by_its_rate(name: str, widths: list[int], growth: int, language: str) -> None:
    drawing = draw_dense(describe(name), labels(language))
    assert drawing is not None
    told = [text.words for text in texts(drawing)]
    assert [int(words) for words in told if words.isdigit()] == widths
    assert f"k = {growth}" in told[-1]
    layers = sum(re.fullmatch(r"f\d+", words) is not None for words in told)
    assert count(drawing, "tap") == layers * (layers + 1) / 2  # each reads all that was there before it
    assert outside(drawing) == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_gate_is_drawn_with_its_networks_numbers(language: str) -> None:
    drawing = draw_gate(describe("se_resnet"), labels(language))
    assert drawing is not None
    told = [text.words for text in texts(drawing)]
    assert [words for words in told if words.isdigit()] == ["64", "4", "64"]
    assert "f(x)  64×16×16" in told
    assert any("r = 16" in words and "64 → 4 → 64" in words for words in told)
    assert outside(drawing) == []


def test_networks_without_such_a_module_have_no_close_up_of_it() -> None:
    assert draw_dense(describe("resnet"), labels("en")) is None
    assert draw_gate(describe("se_resnet_static"), labels("en")) is None


def test_both_languages_have_the_same_words() -> None:
    assert labels("en").keys() == labels("zh").keys()
