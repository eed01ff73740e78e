"""Which number format, memory layout and operators are best for a study on this machine: measured, kept.

Each way to compute is timed on training steps of each network, and its gradients are held against those of
the stock operators in fp32: convolutions in bf16 have been wrong, and slow, in released versions of torch.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from math import inf
from pathlib import Path

import numpy as np
import platformdirs
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor
from torch.nn.functional import cosine_similarity

from skipscope.data.dataset import Dataset
from skipscope.errors import WorkspaceError
from skipscope.models.registry import build
from skipscope.models.user import attribute_errors_to
from skipscope.records.files import write_whole
from skipscope.spec import Backend, Frozen, Recipe
from skipscope.training.batches import BatchMaker
from skipscope.training.environment import environment
from skipscope.training.loop import forward
from skipscope.training.precision import device, to_device
from skipscope.training.trial import trial_steps

WINOGRAD = {"kernels": "winograd"}
CHANGES = (
    {"precision": "bf16"},
    {"kernels": "fast"},
    WINOGRAD,
    {"memory_format": "contiguous"},
)
"""Tried one after the other; each is kept if it pays."""
MAX_TIME_RATIO = 0.97
"""A change is kept if a step of all networks takes at most this share of the time: below it is noise."""
GIVE_UP_RATIO = 3.0
"""A change is given up at the first network, from the smallest on, whose step takes so many times as long."""
MIN_COSINE = 0.8
"""The least cosine of any weight's gradient with fp32's: rounding is above it, a wrong kernel far below."""
BATCH, STEPS = 64, 2
References = dict[tuple[str, Backend], list[Tensor]]
"""Gradients of networks, computed the `stock` way."""


class Measured(Frozen):
    """One network, computed one way, on this machine."""

    seconds: float
    """Of training, an image."""
    agreement: float
    """The lowest cosine, over the matrices and kernels, of the gradient with the `stock` way's."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What was chosen for all arms of a study, and why."""

    way: Backend
    speedup: float
    """How many times as fast as the `stock` way, summed over the arms."""
    agreement: float
    """The lowest of the networks'."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """What could not be tried, by its name ("winograd"), and the error of the network that it failed on."""


def stock(threads: int) -> Backend:
    """What every other way is measured against."""
    return Backend(precision="fp32", memory_format="channels_last", kernels="stock", threads=threads)


class Machine:
    """What was measured on this machine with this torch; kept in the user's cache."""

    def __init__(self, data: Dataset) -> None:
        """Reads what is there; what cannot be read is measured again."""
        self.data = data
        self.file = _file()
        self.known = self._kept()
        self._references: References = {}

    def measured(self, model: str, way: Backend) -> Measured:
        """The network's step, timed if it never was."""
        key = f"{model}: {way}"
        if key not in self.known:
            with attribute_errors_to(model, f"on a batch of {BATCH} images"):
                self.known[key] = _measure(model, way, self.data, self._references)
            self.known |= self._kept()  # what another process wrote meanwhile stays
            with suppress(WorkspaceError):  # a cache that cannot be written is measured again, no more
                write_whole(self.file, _KNOWN.dump_json(self.known, indent=1))
        return self.known[key]

    def _kept(self) -> dict[str, Measured]:
        with suppress(OSError, ValidationError):
            return _KNOWN.validate_json(self.file.read_bytes())
        return {}

    def choose(self, arms: Iterable[tuple[str, Recipe]], threads: int) -> Choice:
        """The fastest way that agrees with the stock one on the arms' networks; what a recipe pins stays."""
        best = stock(threads)
        quickest_first = sorted(arms, key=lambda arm: self.measured(arm[0], arm[1].backend(best)).seconds)
        seconds = slowest = self._seconds(best, quickest_first, than=best, limit=inf)
        failed: dict[str, str] = {}
        for change in CHANGES:
            other = best.model_copy(update=change)
            if (other.precision, change) == ("bf16", WINOGRAD):  # it leaves bf16 to the others
                continue
            try:
                taken = self._seconds(other, quickest_first, than=best, limit=MAX_TIME_RATIO * seconds)
            except Exception as error:  # noqa: BLE001 - whatever it is: the stock way computes these networks
                said = str(error).partition("\n")[0]
                failed |= dict.fromkeys(change.values(), said or type(error).__name__)
                continue
            if taken < MAX_TIME_RATIO * seconds:
                best, seconds = other, taken
        agreement = min(
            self.measured(model, recipe.backend(best)).agreement for model, recipe in quickest_first
        )
        self._references.clear()
        return Choice(way=best, speedup=slowest / seconds, agreement=agreement, failed=failed)

    def _seconds(self, way: Backend, arms: list[tuple[str, Recipe]], *, than: Backend, limit: float) -> float:
        """An image of each arm; infinite as soon as it is hopeless or some gradients are wrong."""
        total = 0.0
        for model, recipe in arms:
            result, before = (self.measured(model, recipe.backend(each)) for each in (way, than))
            total += result.seconds
            hopeless = total > limit or result.seconds > GIVE_UP_RATIO * before.seconds
            if hopeless or (way != stock(way.threads) and result.agreement < MIN_COSINE):
                return inf
        return total


_KNOWN = TypeAdapter(dict[str, Measured])


def _file() -> Path:
    """One file a machine and versions."""
    here = environment()
    said = f"{here.versions} {here.machine}"
    cache = platformdirs.user_cache_path("skipscope")
    return cache / f"measured-{sha256(said.encode()).hexdigest()[:12]}.json"


def _measure(model: str, way: Backend, data: Dataset, references: References | None = None) -> Measured:
    """Whatever number of threads was set before is set again; what the `stock` way gives is computed once."""
    references, usual = {} if references is None else references, stock(way.threads)
    before = torch.get_num_threads()
    torch.set_num_threads(way.threads)
    try:
        gradients, seconds = _steps(model, way, data, steps=STEPS)
        if (model, usual) not in references:
            references[model, usual] = gradients if way == usual else _steps(model, usual, data, steps=0)[0]
    finally:
        torch.set_num_threads(before)
    cosines = map(_cosine, gradients, references[model, usual])
    return Measured(seconds=seconds, agreement=min(cosines))


def _cosine(mine: Tensor, theirs: Tensor) -> float:
    """1 where both are nothing, as before a layer whose weights begin at zero; -1 where one is no number."""
    if not mine.any() and not theirs.any():
        return 1.0
    return cosine_similarity(mine.flatten(), theirs.flatten(), dim=0).nan_to_num(-1.0).item()


def _steps(model: str, way: Backend, data: Dataset, *, steps: int) -> tuple[list[Tensor], float]:
    """A fresh network's gradients (of matrices and kernels), and seconds an image of the fastest step."""
    recipe, on = Recipe(batch_size=BATCH, **way.model_dump()), device()
    network = to_device(build(model), recipe, on)
    images = min(BATCH, len(data.train))
    x, target = BatchMaker(data, recipe, on)(data.train, np.arange(images))
    torch.manual_seed(0)  # dropout leaves out the same, whichever way it is computed
    forward(network, x, target, recipe)[0].backward()  # type: ignore[no-untyped-call]
    gradients = [
        weight.grad.to("cpu", torch.float32)
        for weight in network.parameters()
        if weight.ndim > 1 and weight.grad is not None
    ]
    network.zero_grad()
    return gradients, min(islice(trial_steps(network, recipe, data), steps), default=inf) / images
