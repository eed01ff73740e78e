"""Made-up readings of every probe for the made-up workspace: the true networks' places, invented numbers.

`with_readings(workspace)` adds them to each run that there is, with the probe sample and the pictures. A run
that did not come to its end has what was measured while it trained, and no more. Names are the probes' own.
"""

from collections.abc import Iterator

import numpy as np
import polars as pl
from made_up_networks import Body, body_of, noise_of
from made_up_trained import CLASSES, trained
from numpy.typing import NDArray

from skipscope.records.arrays import packed_arrays
from skipscope.records.files import write_whole
from skipscope.records.readings import READINGS, migrate
from skipscope.records.schema import RunRecord
from skipscope.records.store import Workspace

Row = tuple[str, int, str, str, float]
"""Probe, step, place, quantity, value."""


def with_readings(workspace: Workspace, *, sample: int = 60, validation: int = 200) -> Workspace:
    """The same workspace, with readings of every run, a sample of so many images, and pictures."""
    images = made_up_images(sample)
    labels = np.arange(sample) % CLASSES
    positions = np.arange(sample) * (validation // sample)
    for run in workspace.runs():
        folder = workspace.run_folder(run.id)
        metrics = workspace.metrics([run.id])
        steps = metrics.filter(pl.col("kind") == "step")["step"].to_list()
        ends = metrics.filter(pl.col("kind") == "epoch")["step"].to_list()
        rows = list(while_training(run, steps, ends, validation, done=run.state == "done"))
        if run.state == "done":
            rows += trained(run, labels, steps[-1])
            write_whole(folder.pictures_file, packed_arrays(pictures(run, images[0])))
        columns = list(zip(*rows, strict=True))
        data = dict(zip(("probe", "step", "place", "quantity", "value"), columns, strict=True))
        texts = pl.DataFrame({"run": [run.id] * len(rows)} | data, schema_overrides=READINGS, strict=False)
        folder.write_readings(migrate(texts))
    for study in workspace.studies():
        arrays = {"images": images, "labels": labels, "positions": positions}
        write_whole(workspace.sample_file(study.data.sha256), packed_arrays(arrays))
    return workspace


def while_training(
    run: RunRecord, steps: list[int], ends: list[int], validation: int, *, done: bool
) -> Iterator[Row]:
    """The in-step probes: before the first step, at powers of two and quarters of an epoch, after epochs."""
    body, noise = body_of(run.spec.model), noise_of(run, "training")
    length = ends[0] if ends else len(steps) + 1
    due = [
        step
        for step in steps
        if (step < length and step & (step - 1) == 0) or step % max(1, length // 4) == 0 or step in ends
    ]
    for step in [0, *due]:
        share = step / max(1, steps[-1])
        yield from gradient_flow(body, noise, step, share)
        yield from activations(body, noise, step, share)
        if step:
            yield from updates(body, noise, step, share)
    epochs = len(ends)
    for epoch, step in enumerate(ends, start=1):
        for label in range(CLASSES):
            value = min(1.0, 0.35 + 0.05 * label + 0.25 * epoch / epochs + noise.normal(0, 0.02))
            yield "learning_order", step, f"class {label}", "accuracy", value
    if done:
        # the same images are easy for every network
        easy = np.random.default_rng(5).uniform(0, 1, validation)
        for image in range(validation):
            since = int(np.ceil(epochs * (0.1 + 1.2 * easy[image] + noise.normal(0, 0.06))))
            value = max(1, since) if since <= epochs else 0
            yield "learning_order", ends[-1], f"validation {image}", "right_since", value


def gradient_flow(body: Body, noise: np.random.Generator, step: int, share: float) -> Iterator[Row]:
    """Gradients that fall towards the image, less so where there are shortcuts."""
    steepness = 0.6 if body.blocks or body.concats else 2.5
    layers = [(place, depth) for place, depth, _ in body.convs]
    layers += [(place, layers[-1][1] + number) for number, place in enumerate(body.linears, start=1)]
    deepest = layers[-1][1]
    norms = {}
    for place, depth in layers:
        base = 0.08 * (1 - 0.5 * share) * np.exp(-steepness * (1 - depth / deepest) + noise.normal(0, 0.1))
        norms[place] = base
        values = {
            "output_l2": base,
            "output_rms": base / 40,
            "depth": depth,
            "signal_to_noise": 0.05 + 0.2 * depth / deepest * (1 - 0.6 * share),
            "weight_l2": base * 3,
            "weight_rms": base / 15,
        }
        for quantity, value in values.items():
            yield "gradient_flow", step, place, quantity, float(value)
    first, last = body.convs[0][0], body.convs[-1][0]
    for quantity, scale in (("output_l2", 1.0), ("output_rms", 0.4)):
        yield "gradient_flow", step, "first/last", quantity, float(scale * norms[first] / norms[last])


def updates(body: Body, noise: np.random.Generator, step: int, share: float) -> Iterator[Row]:
    """Updates that shrink with the learning rate; early layers move more."""
    places = [place for place, _, _ in body.convs] + list(body.linears)
    for number, place in enumerate(places):
        early = 1.5 - number / len(places)
        value = 0.012 * early * (1.02 - share) * np.exp(noise.normal(0, 0.15))
        yield "update_ratio", step, place, "ratio", float(value)


def activations(body: Body, noise: np.random.Generator, step: int, share: float) -> Iterator[Row]:
    """Responses, zeros and the branches of blocks."""
    for place, depth, _ in body.convs:
        yield "activations", step, place, "mean", float(noise.normal(-0.1 * share, 0.02))
        yield "activations", step, place, "std", float(1 - 0.5 * share * depth / body.convs[-1][1])
    for number, place in enumerate(body.relus):
        zeros = 0.5 + 0.3 * share * number / len(body.relus) + noise.normal(0, 0.01)
        yield "activations", step, place, "zeros", float(zeros)
        yield "activations", step, place, "dead", float(max(0.0, 0.25 * (zeros - 0.55)))
    for number, place in enumerate(body.blocks):
        yield ("activations", step, place, "branch_ratio", float(1.2 - 0.08 * number + noise.normal(0, 0.03)))


def made_up_images(number: int) -> NDArray[np.uint8]:
    """N 32 32 3: a disc, its place and colour by its class, on a slope of another colour."""
    noise = np.random.default_rng(11)
    y, x = np.mgrid[0:32, 0:32]
    images = np.zeros((number, 32, 32, 3))
    for image in range(number):
        label = image % CLASSES
        turn = 2 * np.pi * label / CLASSES
        colour = 128 + 110 * np.cos(turn + np.array([0.0, 2.1, 4.2]))
        slope = (x + y)[..., None] / 62 * (255 - colour) * noise.uniform(0.3, 0.9)
        disc = (x - 16 - 5 * np.cos(turn)) ** 2 + (y - 16 - 5 * np.sin(turn)) ** 2 < noise.uniform(30, 110)
        images[image] = np.where(disc[..., None], colour, slope)
    return np.clip(images + noise.normal(0, 6, images.shape), 0, 255).astype(np.uint8)


def pictures(
    run: RunRecord, image: NDArray[np.uint8]
) -> dict[str, NDArray[np.float32 | np.uint8 | np.int64]]:
    """First-layer filters, and maps that are the image, blurred and shrunk stage by stage."""
    body, noise = body_of(run.spec.model), noise_of(run, "pictures")
    kernel, channels = (5, 6) if not body.blocks and not body.concats else (7, body.convs[0][2])
    across = np.linspace(-1, 1, kernel)
    angles = noise.uniform(0, 2 * np.pi, (channels, 3))
    slopes = np.cos(angles)[..., None, None] * across + np.sin(angles)[..., None, None] * across[:, None]
    filters = 0.2 * np.sin(3 * slopes) + noise.normal(0, 0.02, slopes.shape)
    grey = image.mean(axis=2) / 255 - 0.5
    arrays = {"filters": filters.astype(np.float32), "image": image, "image_label": np.array(0)}
    for place, number, side in body.stages:
        step = max(1, 32 // side)
        small = grey[: side * step, : side * step].reshape(side, step, side, step).mean(axis=(1, 3))
        gains = noise.normal(0, 1, number)[:, None, None]
        maps = gains * small + noise.normal(0, 0.05, (number, side, side))
        arrays[f"maps/{place}"] = maps.astype(np.float32)
    return arrays
