"""The modules of the classroom networks, as the probes name them."""

from dataclasses import dataclass

import numpy as np

from skipscope.records.schema import RunRecord


@dataclass(frozen=True, kw_only=True)
class Body:
    """A network's modules in order; a convolution comes with its depth and channels."""

    convs: tuple[tuple[str, int, int], ...]
    linears: tuple[str, ...]
    relus: tuple[str, ...]
    blocks: tuple[str, ...] = ()
    concats: tuple[str, ...] = ()
    gated: bool = False
    reuse: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Dense layers with the sources they read."""
    stages: tuple[tuple[str, int, int], ...]
    """Name, channels and side of the maps that are drawn."""


def body_of(model: str) -> Body:
    """Returns the modules of a classroom network, and the CNN's for any other name."""
    if model in ("resnet", "se_resnet"):
        return _residual(gated=model == "se_resnet")
    return _dense() if model == "densenet" else _plain()


def _plain() -> Body:
    return Body(
        convs=(("conv1", 1, 6), ("conv2", 2, 16)),
        linears=("fc1", "fc2", "fc3"),
        relus=("relu", "relu:2", "relu:3", "relu:4"),
        stages=(("conv1", 6, 32), ("pool", 6, 16), ("conv2", 16, 12), ("pool:2", 16, 6)),
    )


def _residual(*, gated: bool) -> Body:
    convs, relus, blocks = [("conv1", 1, 64)], ["relu"], []
    for stage in range(1, 5):
        for half in range(2):
            name, depth = f"layer{stage}.{half}", len(blocks) * 2 + 2
            if half == 0 and stage > 1:
                convs.append((f"{name}.downsample.0", depth, 32 * 2**stage))
            convs += [(f"{name}.conv{k}", depth + k - 1, 32 * 2**stage) for k in (1, 2)]
            relus += [f"{name}.relu", *([f"{name}.se.relu"] if gated else []), f"{name}.relu:2"]
            blocks.append(name)
    side = 16 if gated else 8
    stages = [("conv1", 16, 16), *((f"layer{k}", 16, max(1, side // 2 ** (k - 1))) for k in range(1, 5))]
    return Body(
        convs=tuple(convs),
        linears=("fc",),
        relus=tuple(relus),
        blocks=tuple(blocks),
        gated=gated,
        stages=tuple(stages),
    )


def _dense() -> Body:
    convs, relus, concats, reuse = [("conv", 1, 32)], ["relu"], [], []
    for number, (first, growth) in enumerate((("conv", 32), ("conv1", 64)), start=1):
        sources = [first]
        for layer in range(6):
            name, depth = f"denseblock{number}.denseblock.{layer}", 13 * (number - 1) + 2 * layer + 2
            small, wide = f"{name}.layer.2", f"{name}.layer.5"
            convs += [(small, depth, 4 * growth), (wide, depth + 1, growth)]
            relus += [f"{name}.layer.1", f"{name}.layer.4"]
            concats.append(name)
            reuse += [(small, tuple(sources)), (wide, (small,))]
            sources.append(wide)
        if number == 1:
            convs.append(("conv1", 14, 64))
            relus.append("relu:2")
            reuse.append(("conv1", tuple(sources)))
        else:
            reuse.append(("fc1", tuple(sources)))
    return Body(
        convs=tuple(convs),
        linears=("fc1",),
        relus=tuple(relus),
        concats=tuple(concats),
        reuse=tuple(reuse),
        stages=(
            ("conv", 16, 16),
            ("max_pool", 16, 8),
            ("denseblock1", 16, 8),
            ("avg1", 16, 4),
            ("denseblock2", 16, 4),
        ),
    )


def noise_of(run: RunRecord, purpose: str) -> np.random.Generator:
    """Returns a generator of the run's own."""
    return np.random.default_rng([run.spec.seed, *run.spec.model.encode(), *purpose.encode()])
