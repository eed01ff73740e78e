"""The table of layers: a reader could build the networks from it."""

from functools import cache

import pytest
from documents import context_of

from skipscope.anatomy import describe as described_by
from skipscope.report.document import Table
from skipscope.report.handin import layers
from skipscope.report.handin.networks import networks
from skipscope.report.rendering.paper_source import widths
from skipscope.report.words import NBSP, Words, unmarked

describe = cache(described_by.describe)


def stages(name, language="en"):
    found = layers._stages(describe(name), Words(language))
    return [" → ".join(map(unmarked, cells)).replace(NBSP, " ") for cells in found]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "cnn",
            [
                "5×5, 6; max-pool 2×2↓ → 6×16×16",
                "5×5*, 16; max-pool 2×2↓ → 16×6×6 → 576",
                "linear 120, 84, 10 → 10",
            ],
        ),
        (
            "densenet",
            [
                "7×7, 32↓; max-pool 2×2↓ → 32×8×8",
                "[1×1, 128; 3×3, 32]×6 → 224×8×8",
                "3×3, 64; mean pool 2×2↓ → 64×4×4",
                "[1×1, 256; 3×3, 64]×6 → 448×4×4 → 7168",
                "linear 10 → 10",
            ],
        ),
        (
            "plain20",
            [
                "3×3, 16 → 16×32×32",
                "[3×3, 16]×6 → 16×32×32",
                "[3×3, 32]×6↓ → 32×16×16",
                "[3×3, 64]×6↓ → 64×8×8 → 64",
                "linear 10 → 10",
            ],
        ),
    ],
)
def test_layers_have_kernel_channels_stride_and_output(name, expected):
    assert stages(name) == expected


def test_gates_and_repetitions_are_those_of_the_network():
    assert stages("resnet")[1:3] == ["[3×3, 64; 3×3, 64]×2 → 64×8×8", "[3×3, 128; 3×3, 128]×2↓ → 128×4×4"]
    assert stages("se_resnet")[2] == "[3×3, 128; 3×3, 128; SE]×2↓ → 128×8×8"
    assert "7×7, 32↓; 最大池化 2×2↓ →" in stages("densenet", "zh")[0]


def test_it_is_a_column_a_network_and_ends_where_all_do(study_tables):
    found = networks(context_of(study_tables(), "en", results=()))
    first = next(block for block in found.all_blocks if isinstance(block, Table))
    assert [unmarked(column.title) for column in first.columns[1:]] == [
        "cnn",
        "resnet",
        "densenet",
        "se_resnet",
    ]
    assert len(first.rows) == 2 * 6  # layers, and below them the output
    assert set(first.rows[-1][1:]) == {"10"}
    assert [row[1] for row in first.rows[8:10]] == ["–", ""]  # of the shortest
    shares, size = widths([[column.title for column in first.columns], *first.rows])
    assert size == 1
    assert shares[0] <= 0.1  # what stages are called takes no room from the networks
    assert max(shares[1:]) < 1.4 * min(shares[1:])


def test_each_layer_of_a_stem_has_its_own_stride():
    assert stages("resnet")[0] == "7×7, 64↓; max-pool 3×3↓ → 64×8×8"


def test_of_a_family_the_first_is_tabulated(study_tables):
    found = networks(context_of(study_tables(arms=("resnet20", "resnet56", "plain20")), "en", results=()))
    first = next(block for block in found.all_blocks if isinstance(block, Table))
    assert [unmarked(column.title) for column in first.columns[1:]] == ["resnet20", "plain20"]
