"""What `skipscope.probe` says of images, labels and networks that it cannot take."""

import threading
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from skipscope.api.probe import probe
from skipscope.errors import UsageError

IMAGES, LABELS = torch.randn(6, 3, 8, 8), torch.arange(6) % 5
DATA = TensorDataset(IMAGES, LABELS)
ROWS = IMAGES.permute(0, 2, 3, 1)


def network(channels: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 6 * 6, 5))


def refused(model: Any = None, images: Any = IMAGES, labels: Any = LABELS) -> str:
    with pytest.raises(UsageError) as caught:
        probe(model or network(), images, labels, probes=["redundancy"])
    return str(caught.value)


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (DataLoader(DATA), "A DataLoader is no tensor of images.\nnext:  pass one of its batches"),
        (iter(DataLoader(DATA)), "A _SingleProcessDataLoaderIter is no tensor of images.\nnext:  pass N x 3"),
        (DATA, "A TensorDataset is no tensor of images.\nnext:  pass a batch: images, labels = next(iter"),
        ([IMAGES, LABELS], "A list is no tensor of images.\nnext:  a batch is unpacked: images, labels = "),
        (list(IMAGES), "torch.stack(images)"),
        ("images/", "A str is no tensor of images"),
        (None, "A NoneType is no tensor of images"),
        (IMAGES[0], "Images of shape (3, 8, 8) and labels of shape (6,) do not fit together"),
    ],
)  # fmt: skip
def test_what_is_no_batch_of_images(images: Any, said: str) -> None:
    assert said in refused(images=images)


@pytest.mark.parametrize("rows", [ROWS, ROWS.numpy(), (ROWS * 255).to(torch.uint8)])
def test_channels_last_is_told_before_a_network_takes_it_for_something_else(rows: Any) -> None:
    flat = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 5))  # would be measured on scrambled images
    assert "pass images.permute(0, 3, 1, 2)" in refused(flat, rows)


def test_grey_channels_last_is_told_where_the_network_fails() -> None:
    said = refused(network(1), ROWS[..., :1])
    assert "cannot be applied to images of shape (8, 8, 1): RuntimeError: " in said
    assert "pass images.permute(0, 3, 1, 2)" in said
    assert "permute" not in refused(network(), IMAGES[:, :1])


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (torch.eye(5)[LABELS], "labels.argmax(1)"),
        (["cat"] * 6, "A list is no tensor of labels.\nnext:  pass N class numbers"),
        (DataLoader(DATA), "A DataLoader is no tensor of labels"),
    ],
)
def test_what_are_no_labels(labels: Any, said: str) -> None:
    assert said in refused(labels=labels)


def test_a_class_is_no_network() -> None:
    said = "Sequential is the class of a network, not a network.\nnext:  pass Sequential(...)"
    assert refused(nn.Sequential) == said


def test_what_cannot_be_copied_is_named() -> None:
    model = network()
    model[1].lock = threading.Lock()
    assert "its 1.lock cannot be copied: cannot pickle '_thread.lock' object" in refused(model)
    model[1] = nn.ReLU()
    model.batches = (each for each in range(3))
    assert "its batches cannot be copied: cannot pickle 'generator' object" in refused(model)


def test_arrays_of_numpy_and_lists_of_numbers_are_taken() -> None:
    model = network()
    expected = probe(model, IMAGES, LABELS, probes=["redundancy"])
    assert expected.equals(probe(model, IMAGES.numpy(), np.asarray(LABELS), probes=["redundancy"]))
    assert expected.equals(probe(model, IMAGES.tolist(), LABELS.tolist(), probes=["redundancy"]))
