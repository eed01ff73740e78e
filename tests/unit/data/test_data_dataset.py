"""Loading: splits, limits, and what is mapped or cached."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from skipscope.data import dataset, drawn, shapes
from skipscope.errors import DataError, UnknownName, UsageError


def test_cifar10_has_the_splits_it_should(imported: Path) -> None:
    data = dataset.load("cifar10", data_dir=imported)
    assert (len(data.train), len(data.validation), len(data.sealed_test())) == (45_000, 5_000, 10_000)
    everything = np.concatenate([data.train.rows, data.validation.rows, data.sealed_test().rows])
    assert np.array_equal(np.sort(everything), np.arange(60_000))
    assert data.train.rows.max() < 50_000 == data.sealed_test().rows.min()
    for part, count in ((data.train, 4_500), (data.validation, 500), (data.sealed_test(), 1_000)):
        assert np.bincount(part.labels[part.rows]).tolist() == [count] * 10
    assert data.test_size == 10_000
    assert data.classes[3] == "cat"


def test_take_copies_the_asked_rows(imported: Path, fake: object) -> None:
    data = dataset.load("cifar10", data_dir=imported)
    positions = np.array([7, 0, 44_999])
    images, labels = data.train.take(positions)
    rows = data.train.rows[positions]
    assert images.shape == (3, 32, 32, 3)
    assert images.dtype == np.uint8
    assert labels.dtype == np.int64
    assert np.array_equal(images, fake.images[rows])  # type: ignore[attr-defined]
    assert np.array_equal(labels, fake.labels[rows])  # type: ignore[attr-defined]
    images[:] = 1  # a copy: what is mapped stays as it is
    assert not (data.train.take(positions)[0] == images).all()


def test_images_are_mapped_and_read_only(imported: Path) -> None:
    data = dataset.load("cifar10", data_dir=imported)
    assert isinstance(data.train.images.base, np.memmap)
    assert type(data.train.images) is np.ndarray  # a memmap is slower to index
    with pytest.raises(ValueError, match="read-only"):
        data.train.images[0, 0, 0, 0] = 1


@pytest.mark.parametrize("name", ["cifar10", "shapes"])
def test_a_limit_cuts_the_training_split_only(name: str, imported: Path) -> None:
    full, limited = (dataset.load(name, data_dir=imported, train_limit=limit) for limit in (None, 1_000))
    assert len(limited.train) == 1_000
    assert set(limited.train.rows) <= set(full.train.rows)
    assert np.bincount(full.train.labels[limited.train.rows]).tolist() == [100] * 10
    assert np.array_equal(limited.validation.rows, full.validation.rows)
    assert np.array_equal(limited.sealed_test().rows, full.sealed_test().rows)
    assert (limited.sha256, limited.mean) == (full.sha256, full.mean)


@pytest.mark.parametrize("name", ["cifar10", "shapes"])
def test_a_seed_draws_the_images_that_a_limit_leaves(name: str, imported: Path) -> None:
    def limited(seed: int | None, limit: int | None = 1_000) -> dataset.Dataset:
        return dataset.load(name, data_dir=imported, train_limit=limit, seed=seed)

    drawn = [limited(seed).train.rows.tolist() for seed in (None, 0, 1, 0)]
    assert drawn[1] == drawn[3]
    assert drawn[0] != drawn[1] != drawn[2] != drawn[0]
    assert np.bincount(limited(1).train.labels[drawn[2]]).tolist() == [100] * 10
    assert np.array_equal(limited(0).validation.rows, limited(1).validation.rows)
    whole = limited(0, None)
    assert (limited(1).left_out, whole.left_out) == (len(whole.train) - 1_000, 0)
    assert np.array_equal(limited(1, len(whole.train)).train.rows, whole.train.rows)


def test_a_limit_above_the_split_says_its_size(imported: Path) -> None:
    with pytest.raises(UsageError, match="45,000"):
        dataset.load("cifar10", data_dir=imported, train_limit=45_001)


def test_shapes_load_without_a_data_folder(tmp_path: Path) -> None:
    data = dataset.load("shapes", data_dir=tmp_path / "none")
    assert (len(data.train), len(data.validation), len(data.sealed_test())) == (8_000, 1_000, 1_000)
    assert "not CIFAR-10" in data.source
    images = data.train.images[:9_000].astype(float) / 255
    assert np.allclose(data.mean, images.mean(axis=(0, 1, 2)), atol=1e-12)
    assert np.allclose(data.std, images.std(axis=(0, 1, 2)), atol=1e-9)
    assert not (tmp_path / "none").exists()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's cache in which nothing is yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return drawn.file()


def test_what_was_drawn_is_kept_and_mapped(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = drawn.images()
    assert cache.exists()
    monkeypatch.setattr(shapes, "draw", None)  # nothing is drawn again
    again = drawn.images()
    assert isinstance(again.base, np.memmap)
    assert np.array_equal(again, first)
    assert again.strides == first.strides
    for images in (first, again):
        with pytest.raises(ValueError, match="read-only"):
            images[0, 0, 0, 0] = 1


@pytest.mark.parametrize("damage", ["a bit", "an end", "a shape", "an object", "a folder"])
def test_what_is_kept_and_damaged_is_drawn_again(damage: str, cache: Path) -> None:
    first = drawn.images()
    content = cache.read_bytes()
    cache.unlink()
    match damage:
        case "a bit":
            cache.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        case "an end":
            cache.write_bytes(content[:-1000])
        case "a shape":
            np.save(cache, np.zeros((4, 4), dtype=np.uint8))
        case "an object":
            np.save(cache, np.array([{}], dtype=object), allow_pickle=True)
        case "a folder":  # nor can anything be kept there
            cache.mkdir()
    assert np.array_equal(drawn.images(), first)
    if damage != "a folder":
        assert cache.read_bytes() == content


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(UnknownName, match="cifar10, shapes"):
        dataset.load("cifar100")


def test_a_missing_data_set_says_the_three_ways_out(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        dataset.load("cifar10", data_dir=tmp_path)
    text = str(caught.value)
    assert str(tmp_path / "cifar10") in text
    for way in ("data get", "data import PATH", "--data shapes"):
        assert way in text


def test_the_data_package_does_not_import_torch() -> None:
    code = (
        "import sys; import skipscope.data.dataset, skipscope.data.fetch, skipscope.cli.data;"
        "print([name for name in ('torch', 'polars', 'PIL') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.cifar
def test_the_real_one_loads(cifar_dir: Path) -> None:
    data = dataset.load("cifar10", data_dir=cifar_dir)
    assert data.mean == pytest.approx((0.4914, 0.4822, 0.4465), abs=5e-5)
    assert data.std == pytest.approx((0.2470, 0.2435, 0.2616), abs=5e-5)
    assert data.train.labels[:10].tolist() == [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]
    assert data.sealed_test().labels[50_000:50_010].tolist() == [3, 8, 8, 0, 6, 6, 1, 6, 3, 1]
    assert len(data.validation) == 5_000
