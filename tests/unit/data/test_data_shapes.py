"""The embedded data set: the same bytes everywhere, even classes, nothing given away by colour."""

import numpy as np
import pytest

from skipscope.data import shapes, store


def test_the_bytes_are_the_same_everywhere() -> None:
    images, labels = shapes.draw()
    assert images.shape == (10_000, 32, 32, 3)
    assert images.dtype == labels.dtype == np.uint8
    assert store.content_sha256(images, labels) == shapes.SHA256


def test_it_is_drawn_once_and_cannot_be_written_to() -> None:
    images, labels = shapes.draw()
    assert images is shapes.draw()[0]
    assert not images.flags.writeable
    assert not labels.flags.writeable


def test_every_stretch_has_each_class_in_its_share() -> None:
    _, labels = shapes.draw()
    for start, stop in ((0, 8_000), (8_000, 9_000), (9_000, 10_000)):
        assert len(set(np.bincount(labels[start:stop], minlength=10).tolist())) == 1


def test_no_image_is_there_twice() -> None:
    images, _ = shapes.draw()
    assert len({image.tobytes() for image in images}) == len(images)


def test_mean_colour_does_not_give_the_class_away() -> None:
    images, labels = shapes.draw()
    colours = images.mean(axis=(1, 2)) / 255
    centres = np.stack([colours[:8_000][labels[:8_000] == label].mean(axis=0) for label in range(10)])
    nearest = ((colours[9_000:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == labels[9_000:]).mean() < 0.16  # chance is 0.1


def test_neighbouring_pixels_do_not_give_the_class_away() -> None:
    # the nearest training image, pixel by pixel, is no answer either: turning and colouring see to that
    images, labels = shapes.draw()
    grey = images[:, ::4, ::4].mean(axis=3).reshape(len(images), -1)
    grey = grey - grey.mean(axis=1, keepdims=True)
    train, test = grey[:2_000], grey[9_000:9_200]
    nearest = ((test[:, None] - train) ** 2).sum(axis=2).argmin(axis=1)
    assert (labels[:2_000][nearest] == labels[9_000:9_200]).mean() < 0.5


@pytest.mark.parametrize(("name", "shape"), shapes.SHAPES.items())
def test_a_shape_fits_the_unit_circle_and_is_not_small(name: str, shape: object) -> None:
    u, v = np.meshgrid(np.linspace(-1.5, 1.5, 301), np.linspace(-1.5, 1.5, 301))
    inside = shape(u[None], v[None])[0] > 0  # type: ignore[operator]
    assert 0.15 < inside.mean() * 9 / np.pi < 1, name
    assert np.sqrt(u * u + v * v)[inside].max() < 1.21, name


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("disc", (0, 0), (0.95, 0)),
        ("ring", (0.78, 0), (0, 0)),
        ("square", (0.7, 0.7), (0.85, 0)),
        ("triangle", (0, -0.9), (0, 0.6)),
        ("star", (0, 0.9), (0, -0.9)),
        ("cross", (0.9, 0), (0.6, 0.6)),
        ("bars", (0.66, 0.8), (0.33, 0)),
        ("crescent", (-0.8, 0), (0.45, 0)),
        ("heart", (0.4, -0.4), (0, -0.8)),
        ("arrow", (0.9, 0), (0.4, 0.6)),
    ],
)
def test_a_shape_is_what_its_name_says(
    name: str, inside: tuple[float, float], outside: tuple[float, float]
) -> None:
    def at(point: tuple[float, float]) -> float:
        u, v = (np.full((1, 1, 1), value, dtype=np.float32) for value in point)
        return float(shapes.SHAPES[name](u, v)[0, 0, 0])

    assert at(inside) > 0 > at(outside)
