"""Answers image by image against a softmax written out, and the figures that read them."""

from math import exp, log

import polars as pl
import pytest
import torch
from told import told
from torch import Tensor, nn

from skipscope.analysis import pictures
from skipscope.probes.answers import ANSWERS, measure
from skipscope.probes.base import View
from skipscope.probes.evaluation import BATCH
from skipscope.probes.measure import view_of

CLASSES = 4


class Planted(nn.Module):
    """Logits that stand in an image's first pixels."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, 0, 0, :CLASSES]


def planted(logits: Tensor, labels: Tensor) -> View:
    images = torch.zeros(len(logits), 3, 1, CLASSES)
    images[:, 0, 0] = logits
    return view_of(Planted(), images, labels)


def test_answers_confidence_loss_and_accuracy_are_those_of_a_loop() -> None:
    images = 2 * BATCH + 3  # more than two batches
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(images, CLASSES, generator=generator)
    labels = torch.randint(0, CLASSES, (images,), generator=generator)
    found = told(measure(planted(logits, labels)))
    losses, right = [], 0
    for image, (row, label) in enumerate(zip(logits.tolist(), labels.tolist(), strict=True)):
        shares = [exp(value) / sum(map(exp, row)) for value in row]
        assert found["answer", image] == row.index(max(row))
        assert found["confidence", image] == pytest.approx(max(shares), rel=1e-12)  # both double
        losses.append(-log(shares[label]))
        right += row.index(max(row)) == label
    assert found[("loss",)] == pytest.approx(sum(losses) / images, rel=1e-12)
    assert found[("accuracy",)] == right / images
    assert len(found) == 2 * images + 2


def test_a_sure_network_has_a_finite_loss() -> None:
    found = told(measure(planted(torch.tensor([[1e4, 0.0, 0.0, 0.0]]), torch.tensor([1]))))
    assert found["confidence", 0] == 1
    assert found[("loss",)] == pytest.approx(1e4)
    assert found[("accuracy",)] == 0


def test_the_tables_of_the_report_read_what_it_says() -> None:
    logits = torch.tensor([[2.0, 1, 0, 0], [2.0, 1, 0, 0], [0.0, 0, 0, 3]])
    view = planted(logits, torch.tensor([0, 1, 3]))
    rows = [reading.row() for reading in measure(view)]
    of_run = {"arm": "a", "seed": 0, "counted": True, "probe": ANSWERS.name, "step": 5}
    sample = {"labels": view.labels.numpy(), "positions": torch.tensor([7, 8, 9]).numpy()}
    table = pictures.answers(
        pl.DataFrame([of_run | row for row in rows]), sample, ("ant", "bee", "cow", "dog")
    )
    assert table["label"].to_list() == ["ant", "bee", "dog"]
    assert table["answer"].to_list() == ["ant", "ant", "dog"]
    assert table["right"].to_list() == [True, False, True]
    assert table["position"].to_list() == [7, 8, 9]
    assert table["confidence"][0] == pytest.approx(exp(2) / (exp(2) + exp(1) + 2), abs=1e-4)  # of four digits
