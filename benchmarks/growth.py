"""Scaling of time and memory with images, depth, width and runs: writes docs/growth.svg and docs/growth.csv.

`python benchmarks/growth.py`: networks of 3x3 blocks on 32x32 maps, one thread, a fresh process each.
"""

import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import altair as alt
import polars as pl
import torch
import vl_convert
from torch import nn

import skipscope
from skipscope.data.dataset import load
from skipscope.engine.autotune import Autotuner
from skipscope.figures import style
from skipscope.models import registry
from skipscope.models.blocks import BasicBlock
from skipscope.records.store import RunFolder
from skipscope.spec import Arm, Backend, DataRef, Recipe, RunSpec, StudySpec
from skipscope.training import trainer as run
from worker import apart

OUT = Path(__file__).parents[1] / "docs"
BASE = {"images": 1_280, "depth": 4, "width": 16}
VARIED = {"images": (640, 1_280, 2_560, 5_120), "depth": (2, 4, 8, 16), "width": (8, 16, 32, 64)}

RUNS = (2, 4, 8, 16)


def network(depth: int, width: int) -> nn.Module:
    """A stem, `depth` blocks of two convolutions on 32x32 maps of `width` channels, a classifier."""
    blocks = [BasicBlock(width, width) for _ in range(depth)]
    stem = nn.Conv2d(3, width, 3, padding=1)
    return nn.Sequential(stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))


def train(images: int, depth: int, width: int, way: Backend, answer: Any) -> None:
    """Train one epoch as a worker does; sends seconds and the growth of memory in GB."""
    torch.set_num_threads(way.threads)
    torch.set_flush_denormal(True)
    registry.NETWORKS["grown"] = lambda: network(depth, width)
    data = load("cifar10", train_limit=images)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    recipe = Recipe(epochs=1, learning_rate=0.01).resolved(way)
    spec = RunSpec(model="grown", seed=0, recipe=recipe, data=DataRef(name="cifar10", sha256=data.sha256))
    with tempfile.TemporaryDirectory() as folder:
        record = run.train(spec, data, RunFolder(Path(folder)), on_event=lambda _: None, stop=lambda: False)
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / 1e9
    assert record.result is not None  # noqa: S101 - a benchmark
    answer.send((record.result.train_seconds, memory))


def measure(way: Backend) -> Iterator[dict[str, object]]:
    """Yield a row per point."""
    for along, values in VARIED.items():
        for value in values:
            seconds, memory = apart(train, *(BASE | {along: value}).values(), way)
            yield {"along": along, "value": value, "seconds": seconds, "memory_gb": memory}
    for runs in RUNS:
        seconds, memory = study(runs)
        yield {"along": "runs", "value": runs, "seconds": seconds, "memory_gb": memory}


def study(runs: int) -> tuple[float, float]:
    """Run this many seeds of the smallest network: seconds, and the parent's memory in GB."""
    spec = StudySpec(
        name="growth",
        train_limit=4_500,
        seeds=runs,
        recipe=Recipe(epochs=1, learning_rate=0.01),
        arm=(Arm(model="cnn"),),
    )
    with tempfile.TemporaryDirectory() as folder:
        start = perf_counter()
        skipscope.run(spec, folder)
        return perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def draw(table: pl.DataFrame) -> alt.Chart:
    """Charts of time (above) and memory (below), a column per variable, on logarithmic axes."""
    columns, charts = [*VARIED, "runs"], []
    for measure, title in (("seconds", "seconds of one epoch"), ("memory_gb", "memory, GB")):
        row = [
            alt.Chart(table.filter(along=along))
            .mark_line(point=True, color=style.INK)
            .encode(
                x=alt.X("value:Q", scale=alt.Scale(type="log", base=2), title=along),
                y=alt.Y(
                    f"{measure}:Q", scale=alt.Scale(type="log"), title=title if along == "images" else ""
                ),
            )
            .properties(width=170, height=150)
            for along in columns
        ]
        charts.append(alt.hconcat(*row))
    return alt.vconcat(*charts)


def main() -> None:
    """Measure, draw, and save the table."""
    way = Autotuner(load("cifar10")).choose([("resnet", Recipe())], threads=1).backend
    table = pl.DataFrame(list(measure(way)))
    table.write_csv(OUT / "growth.csv", float_precision=3)
    OUT.joinpath("growth.svg").write_text(vl_convert.vegalite_to_svg(draw(table).to_json()), encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()
