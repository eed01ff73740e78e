"""CIFAR-10 is known by its content: exact, near, or something else."""

import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from refusal import refuses

from skipscope.data import cifar10, dataset, likeness, store
from skipscope.data.likeness import Content, official
from skipscope.data.own import import_from as import_as
from skipscope.errors import DataError

OTHER = "0" * 64


def moments(*, mean: float = 0.0, std: float = 1.0) -> np.ndarray:
    """The official statistics of each split, class and channel, moved by `mean` and stretched by `std`."""
    made = np.zeros((2, 10, 3, 3), dtype=np.int64)
    for split, number in enumerate((5_000 * 1024, 1_000 * 1024)):
        known = [*official()["classes"].values()][split]
        means, stds = np.array(known["mean"]) + mean, np.array(known["std"]) * std
        made[split] = np.stack([np.full((10, 3), number), means * number, (means**2 + stds**2) * number], -1)
    return made


def exact_moments() -> np.ndarray:
    """The official sums, whatever class they come from."""
    made = moments()
    made[:, 0, :, 1:] += np.array([*official()["sums"].values()]) - made[..., 1:].sum(axis=1)
    return made


def made_up(*, labels: bool = True, images: bool = True, of: np.ndarray | None = None) -> Content:
    return Content(
        labels_sha256=official()["labels_sha256"] if labels else OTHER,
        images_sha256=official()["images_sha256"] if images else OTHER,
        moments=moments() if of is None else of,
    )


def difference(content: Content) -> str | None:
    return likeness.difference(content, cifar10.CLASSES)


def test_the_content_is_what_slow_sums_say(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 32, 32, 3)).astype(np.uint8)
    labels = rng.integers(0, 10, 60).astype(np.uint8)
    monkeypatch.setattr(likeness, "official", lambda: {"without_rows": [3, 57]})
    monkeypatch.setattr(likeness, "_CHUNK", 10)
    monkeypatch.setattr(likeness, "TRAIN", 50)
    found = likeness.content(images, labels)
    assert found.labels_sha256 == sha256(labels.tobytes()).hexdigest()
    assert found.images_sha256 == sha256(np.delete(images, [3, 57], axis=0).tobytes()).hexdigest()
    for split, rows in enumerate((slice(0, 50), slice(50, 60))):
        for label in range(10):
            pixels = images[rows][labels[rows] == label].astype(np.int64)
            for channel in range(3):
                one = pixels[..., channel]
                expected = [one.size, one.sum(), (one * one).sum()]
                assert found.moments[split, label, channel].tolist() == expected


def test_exact_needs_labels_images_and_sums() -> None:
    exact = exact_moments()
    assert likeness.likeness(made_up(of=exact)) == likeness.EXACT
    assert difference(made_up(of=exact)) is None
    for spoilt in (made_up(of=exact, labels=False), made_up(of=exact, images=False), made_up()):
        assert not likeness.likeness(spoilt).exact


def test_a_copy_that_differs_only_in_images_of_unknown_bytes_says_how_many_are_exact() -> None:
    found = likeness.likeness(made_up())
    assert (found.exact, found.images_known) == (False, 59_879)
    assert "59,879 images at least are exact" in found.described()


def test_a_near_copy_says_how_near() -> None:
    content = made_up(images=False, of=moments(mean=0.36, std=1.02))
    assert difference(content) is None
    found = likeness.likeness(content)
    assert found.mean == pytest.approx(0.36, abs=1e-3)
    assert found.std == pytest.approx(0.02 * 71.66, abs=1e-2)
    assert found.described() == (
        "inexact: labels in the official order, means of a class's channel off by 0.4 of 255 at most, "
        "standard deviations by 1.5"
    )


def test_images_in_another_order_are_a_near_copy_only_if_they_are_the_same() -> None:
    assert difference(made_up(labels=False, of=moments(mean=0.5))) is None
    assert "in another order" in likeness.likeness(made_up(labels=False)).described()
    assert "not in CIFAR-10's order" in str(difference(made_up(labels=False, of=moments(mean=1.5))))


def test_what_is_far_says_where() -> None:
    far = moments()
    far[1, 6, 2, 1] += 20 * far[1, 6, 2, 0]
    assert difference(made_up(images=False, of=far)) == (
        "Its labels are in CIFAR-10's order, and in the test images of class 6, CIFAR-10's frog, the mean of "
        "blue is 108.2 of 255, where CIFAR-10 has 88.2"
    )
    assert "the standard deviation of" in str(difference(made_up(images=False, of=moments(std=1.3))))


def test_another_set_in_cifar10s_format_is_refused(binary_folder: Path) -> None:
    refuses(binary_folder, r"is not CIFAR-10(.|\n)*import PATH --as NAME")


def without_likeness(own: Path) -> Path:
    """Makes the index that of an older version."""
    file = own / "cifar10" / store.INDEX
    table = json.loads(file.read_text())
    del table["likeness"], table["classes"]
    file.unlink()  # it is a hard link
    file.write_text(json.dumps(table))
    return file


@pytest.mark.usefixtures("taken_for_cifar10")
def test_an_older_import_is_compared_once(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_likeness(own)
    assert dataset.load("cifar10", data_dir=own).likeness == likeness.likeness(made_up())
    monkeypatch.delattr(likeness, "content")
    assert cifar10.open_store(own).index.likeness is not None


def test_an_older_import_of_something_else_is_refused(own: Path) -> None:
    without_likeness(own)
    with pytest.raises(DataError, match=r"is not CIFAR-10(.|\n)*cifar10' --as NAME"):
        cifar10.open_store(own)
    kept = import_as(own / "cifar10", "mine", data_dir=own)
    before = json.loads((own / "cifar10" / store.INDEX).read_text())
    assert (kept.index.sha256, kept.index.train) == (before["sha256"], 50_000)


def test_an_older_import_of_the_official_archive_is_exact(own: Path) -> None:
    file = without_likeness(own)
    table = json.loads(file.read_text()) | {"source": "the official binary archive, md5 c32a"}
    file.write_text(json.dumps(table))
    assert cifar10.open_store(own).index.likeness == likeness.EXACT


@pytest.mark.cifar
def test_the_real_archive_here_is_an_inexact_copy(cifar_dir: Path) -> None:
    found = cifar10.open_store(cifar_dir).index.likeness
    assert found is not None
    assert (found.exact, found.labels_in_order) == (False, True)
    assert found.images_known == 59_879
    assert max(found.mean, found.std) < 0.05
