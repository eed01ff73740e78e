"""Chooses a study's number format, memory layout and operators on this machine by measurement.

Each backend is timed on training steps of each network, and its gradients are held against those of
the stock operators in fp32: convolutions in bf16 have been wrong, and slow, in released versions of torch.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from math import inf
from time import perf_counter, thread_time

import numpy as np
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor
from torch.nn.functional import cosine_similarity

from skipscope.data.dataset import Dataset
from skipscope.errors import MachineError
from skipscope.kernels.jit import sources_digest
from skipscope.models.chance import chance_restored
from skipscope.models.layout import unfit_for_channels_last
from skipscope.models.registry import build
from skipscope.models.user import attribute_errors_to
from skipscope.records.files import cache_file, write_cache
from skipscope.spec import Backend, Frozen, MemoryFormat, Recipe, UserNetwork, network_name
from skipscope.torch_threads import torch_threads
from skipscope.training.backend import device, to_device
from skipscope.training.batches import BatchMaker
from skipscope.training.determinism import deterministic
from skipscope.training.environment import environment
from skipscope.training.graphs import replayed, replays
from skipscope.training.loop import WINDOW, forward
from skipscope.training.memory import growth_watched
from skipscope.training.optimizer import SGD
from skipscope.training.trial import trial_steps

WINOGRAD, WINOGRAD_ANY = {"kernels": "winograd"}, {"kernels": "winograd_any"}
BF16, FP16, CONTIGUOUS = {"precision": "bf16"}, {"precision": "fp16"}, {"memory_format": "contiguous"}
GRAPHS = {"kernels": "graphs"}
CHANGES = (BF16, {"kernels": "fast"}, WINOGRAD, WINOGRAD_ANY, CONTIGUOUS)
"""Changes that are tried one after the other; each is kept if it pays."""
ON_ACCELERATORS = (BF16, FP16, GRAPHS, CONTIGUOUS)
"""The same where our operators are not used."""
MAX_TIME_RATIO = 0.97
"""A change is kept if a step of all networks takes at most this share of the time: below it is noise."""
GIVE_UP_RATIO = 3.0
"""A change is given up at the first network, from the smallest on, whose step takes so many times as long."""
MIN_COSINE = 0.8
"""The least cosine of any weight's gradient with fp32's: rounding is above it, a wrong kernel far below."""
BATCH, STEPS, LOW_RATE = 64, 2, 1e-9
References = dict[tuple[str, Backend], list[Tensor]]
"""Gradients of networks, computed by `stock`."""


class Timing(Frozen):
    """Says how fast, how exactly and in how much memory a backend computes a network on this machine."""

    seconds: float
    """Duration of a training step, per image."""
    agreement: float
    """The lowest cosine, over the matrices and kernels, of the gradient with the `stock` backend's."""
    grown: int | None = None
    """Bytes that training steps on `BATCH` images needed; None where the system does not tell."""
    weights: int = 0
    """Bytes of the weights in fp32."""


@dataclass(frozen=True, kw_only=True)
class BackendChoice:
    """Gives the backend chosen for all arms of a study, and why."""

    backend: Backend
    speedup: float
    """How many times as fast as `stock`, summed over the arms."""
    agreement: float
    """The lowest agreement of the networks."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """Errors of what could not be tried, by its name ("winograd")."""
    unfit: str = ""
    """Why the study is held in contiguous memory: which network cannot be held in channels_last."""


def stock(threads: int, memory_format: MemoryFormat = "channels_last") -> Backend:
    """Returns the backend that every other of this memory format is measured against."""
    return Backend(precision="fp32", memory_format=memory_format, kernels="stock", threads=threads)


class Autotuner:
    """Times backends on this machine with this torch and these kernels, and caches the timings."""

    def __init__(self, data: Dataset) -> None:
        """Reads the cache; what cannot be read is measured again."""
        self.data = data
        # older files do not compare: `measured-*` leaves out the making of the batch, and `step-times-*`
        # has the time on the wall, whatever else ran
        here = environment()
        digest = sha256(f"{here.versions} {here.machine} {sources_digest()}".encode()).hexdigest()
        self.file = cache_file(f"step-seconds-{digest[:12]}.json")
        self.known = self._kept()
        self._references: References = {}

    def timing(self, model: str, backend: Backend) -> Timing:
        """Returns the timing of the network's step, measured if it never was."""
        key = f"{model}: {backend}"
        if key not in self.known or not self.known[key].weights:  # timed before memory was looked at
            errors = attribute_errors_to(model, f"on a batch of {BATCH} images")
            with errors, chance_restored(device()), deterministic():
                measured = _measure(model, backend, self.data, self._references)
            self.known |= self._kept()  # what another process wrote meanwhile stays
            memory = {"grown": measured.grown, "weights": measured.weights}
            self.known[key] = self.known.get(key, measured).model_copy(update=memory)
            write_cache(self.file, _KNOWN.dump_json(self.known, indent=1))
        return self.known[key]

    def _kept(self) -> dict[str, Timing]:
        with suppress(OSError, ValidationError):
            return _KNOWN.validate_json(self.file.read_bytes())
        return {}

    def choose(self, arms: Iterable[tuple[str, Recipe]], threads: int) -> BackendChoice:
        """Chooses the fastest backend that agrees with `stock` on all arms; what a recipe pins stays."""
        arms = list(arms)
        best, unfit = self.usual(arms, threads)
        quickest_first = sorted(arms, key=lambda arm: self.timing(arm[0], arm[1].backend(best)).seconds)
        seconds = slowest = self._seconds(best, quickest_first, than=best, limit=inf)
        failed: dict[str, str] = {}
        own = all(UserNetwork.parse(model) is None for model, _ in arms)
        for change in CHANGES if device().type == "cpu" else ON_ACCELERATORS:
            other = best.model_copy(update=change)
            if best.precision == "bf16" and change in (WINOGRAD, WINOGRAD_ANY, FP16):  # none is for it
                continue
            if change == GRAPHS and not own:  # what its code decides in a step would be decided once
                continue
            try:
                taken = self._seconds(other, quickest_first, than=best, limit=MAX_TIME_RATIO * seconds)
            except Exception as error:  # noqa: BLE001 - whatever it is: the stock operators compute these networks
                said = str(error).partition("\n")[0]
                failed |= dict.fromkeys(change.values(), said or type(error).__name__)
                continue
            if taken < MAX_TIME_RATIO * seconds:
                best, seconds = other, taken
        agreement = min(
            self.timing(model, recipe.backend(best)).agreement for model, recipe in quickest_first
        )
        self._references.clear()
        return BackendChoice(
            backend=best, speedup=slowest / seconds, agreement=agreement, failed=failed, unfit=unfit
        )

    def usual(self, arms: Iterable[tuple[str, Recipe]], threads: int) -> tuple[Backend, str]:
        """Returns `stock` in a memory format that all arms can be held in, and why not in channels_last.

        Raises:
            Exception: a network's own, where it can be computed in neither.
        """
        best, unfit = stock(threads), ""
        for model, recipe in arms:
            try:
                self.timing(model, recipe.backend(best))
            except Exception as error:
                other = stock(threads, "contiguous")
                if recipe.backend(other) == recipe.backend(best):  # pinned, or tried already
                    raise
                try:
                    self.timing(model, recipe.backend(other))
                except Exception:  # noqa: BLE001 - it cannot be computed at all
                    raise error from error.__cause__
                best, unfit = other, getattr(error, "what", str(error))
        return best, unfit

    def _seconds(
        self, backend: Backend, arms: list[tuple[str, Recipe]], *, than: Backend, limit: float
    ) -> float:
        """Sums the arms' seconds per image; infinite once that is hopeless or gradients are wrong."""
        total = 0.0
        for model, recipe in arms:
            result, before = (self.timing(model, recipe.backend(each)) for each in (backend, than))
            total += result.seconds
            hopeless = total > limit or result.seconds > GIVE_UP_RATIO * before.seconds
            if hopeless or (backend != _reference(backend) and result.agreement < MIN_COSINE):
                return inf
        return total


_KNOWN = TypeAdapter(dict[str, Timing])


def _measure(model: str, backend: Backend, data: Dataset, references: References | None = None) -> Timing:
    """Times one network; restores the number of threads, and computes `stock` gradients once."""
    references, usual = {} if references is None else references, _reference(backend)
    with torch_threads(backend.threads), growth_watched() as grown:
        gradients, seconds = _steps(model, backend, data, steps=STEPS)
        memory = grown()
        if (model, usual) not in references:
            references[model, usual] = (
                gradients if backend == usual else _steps(model, usual, data, steps=0)[0]
            )
    cosines = map(_cosine, gradients, references[model, usual])
    weights = sum(gradient.nbytes for gradient in gradients)
    return Timing(seconds=seconds, agreement=min(cosines, default=1.0), grown=memory, weights=weights)


def _real(x: Tensor) -> Tensor:
    """Views complex numbers as pairs."""
    return torch.view_as_real(x) if x.is_complex() else x


def _reference(backend: Backend) -> Backend:
    """Returns the backend whose gradients are right: torch's own operators, in the same memory format."""
    return stock(backend.threads, backend.memory_format)


def _cosine(mine: Tensor, theirs: Tensor) -> float:
    """Returns 1 where both are zero, as before a layer whose weights begin at zero; -1 where one is NaN."""
    if not mine.any() and not theirs.any():
        return 1.0
    return cosine_similarity(mine.flatten(), theirs.flatten(), dim=0).nan_to_num(-1.0).item()


def _steps(model: str, backend: Backend, data: Dataset, *, steps: int) -> tuple[list[Tensor], float]:
    """Returns a fresh network's gradients (of matrices and kernels), and its least seconds per image."""
    # so low a rate that no network diverges while it is timed: an update takes its time whatever it changes
    recipe, on = Recipe(batch_size=BATCH, learning_rate=LOW_RATE, **backend.model_dump()), device()
    network = build(model).to(on)
    images = min(BATCH, len(data.train))
    x, target = BatchMaker(data, recipe, on)(data.train, np.arange(images))
    held = backend.memory_format == "channels_last"
    if held and (unfit := unfit_for_channels_last(network.eval(), x[:2])):
        raise MachineError(
            f"{network_name(model)} cannot be held in channels_last: {unfit}",
            hint='write memory_format = "contiguous" into its recipe, or leave it out',
        )
    network = to_device(network.train(), recipe, on)
    torch.manual_seed(0)  # dropout leaves out the same, whatever the backend
    loss, _ = forward(replayed(network) if replays(recipe, on) else network, x, target, recipe)
    SGD(network, recipe).scaler.scale(loss).backward()  # a cosine has no scale
    gradients = [
        _real(weight.grad).to("cpu", torch.float32)
        for weight in network.parameters()
        if weight.ndim > 1 and weight.grad is not None
    ]
    network.zero_grad()
    # while other work keeps the cores busy, a step takes twice its time and the same processor time
    clock = thread_time if backend.threads == 1 and on.type == "cpu" else perf_counter
    timed = steps if on.type == "cpu" else steps * WINDOW  # the first window has what happens once
    return gradients, min(
        islice(trial_steps(network, recipe, data, clock=clock), timed), default=inf
    ) / images
