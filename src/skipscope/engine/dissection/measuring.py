"""Measures networks with and without changes on validation images, in parts, so that it can be stopped.

Shapes: N images, B of a batch; K classes.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from time import perf_counter

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from skipscope.anatomy.capture import capture
from skipscope.engine.dissection.changes import Change, Changed, changed, fitting
from skipscope.engine.dissection.networks import Networks, Opened
from skipscope.machine import cores
from skipscope.probes.base import View, copied
from skipscope.probes.evaluation import batches, hits
from skipscope.spec import Recipe
from skipscope.torch_threads import torch_threads
from skipscope.training.backend import computing

MOST_COPIES = 8
"""Copies of a network that compute side by side, at most."""


class Cancelled(Exception):
    """Whoever asked for a measurement wants it no more."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a network classifies the sample."""

    loss: float
    """Mean cross-entropy, in nats."""
    accuracy: float
    confusion: list[list[int]]
    """K K: how many images of each class (row) were given each answer."""
    images: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A network on the same images before and after changes."""

    run: str
    step: int | None
    changes: tuple[Change, ...]
    """Those that fit the network: for a twin maybe none."""
    before: Outcome
    after: Outcome | None
    """None if no change fits."""


@dataclass(kw_only=True)
class Measurer:
    """Measures networks; remembers how they are without changes."""

    networks: Networks
    intact: dict[tuple[str, int | None, int], Outcome] = field(default_factory=dict)

    @torch_threads(1)
    def effect(
        self,
        run: str,
        step: int | None,
        changes: Sequence[Change],
        *,
        on_images: Callable[[int, int], bool] = lambda _done, _of: True,
        lenient: bool = False,
    ) -> Effect:
        """Measures a run's network, after `step` or trained, before and after changes.

        `on_images` is called after each batch with the images done and those to do, and says whether to go
        on; `lenient` leaves out changes that the network has no part for.

        Raises:
            Cancelled: `on_images` said no.
            UnknownName: there is no such run, step or part.
        """
        opened = self.networks.open(run, step)
        given = fitting(opened.view, changes) if lenient else list(changes)
        known = self.intact.get(opened.key)
        images = len(opened.view.labels)
        total, done = images * ((known is None) + bool(given)), 0

        def count(more: int) -> None:
            nonlocal done
            done += more
            if not on_images(done, total):
                raise Cancelled

        if known is None:
            self.intact[opened.key] = known = _measured(opened, None, count)
        after = None
        if given:
            with computing(recipe_of(opened), torch.device("cpu")):
                with_changes = changed(opened.view, given, opened.run.record.spec.model)
            after = _measured(opened, with_changes, count)
        return Effect(run=run, step=step, changes=tuple(given), before=known, after=after)


def _measured(opened: Opened, changes: Changed | None, count: Callable[[int], None]) -> Outcome:
    """Evaluates the network on the sample, a batch at a time on each core."""
    began = perf_counter()
    view = opened.view if changes is None else changes.view
    classes = len(opened.run.data.classes)
    loss, right, confusion = 0.0, [], torch.zeros(classes * classes, dtype=torch.long)
    for logits, labels in _in_parts(view, partial(_logits, recipe_of(opened), changes)):
        loss += cross_entropy(logits, labels, reduction="sum").item()
        right.append(hits(logits, labels))
        confusion += torch.bincount(labels * classes + logits.argmax(1), minlength=classes * classes)
        count(len(labels))
    return Outcome(
        loss=loss / len(view.labels),
        accuracy=torch.cat(right).nanmean().item(),
        confusion=confusion.view(classes, classes).tolist(),
        images=len(view.labels),
        seconds=perf_counter() - began,
    )


def _in_parts(view: View, logits: Callable[[nn.Module, Tensor], Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """Yields logits and labels of each batch, in order, computed on all cores.

    Each core has a copy of the network and computes with one thread. Threads that share a batch wait for each
    other after every operator: beside a training that takes ten times as long.
    """
    parts = list(batches(view))
    workers = min(cores(), len(parts), MOST_COPIES)
    idle: SimpleQueue[nn.Module] = SimpleQueue()
    for _ in range(workers):
        idle.put(copied(view.model))

    def work(images: Tensor) -> Tensor:
        model = idle.get()
        try:
            with torch_threads(1):
                return logits(model, images)
        finally:
            idle.put(model)

    with ThreadPoolExecutor(workers) as pool:
        begun = [pool.submit(work, images) for images, _ in parts]
        try:
            for each, (_, labels) in zip(begun, parts, strict=True):
                yield each.result(), labels
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _logits(recipe: Recipe, changes: Changed | None, model: nn.Module, images: Tensor) -> Tensor:
    """Computes logits B K, in float64 from here on."""
    edited = changes is not None and changes.edit is not None
    with torch.no_grad(), computing(recipe, torch.device("cpu")):
        if changes is None or not edited:
            return model(images.clone()).double()  # type: ignore[no-any-return]
        with capture(model, edit=changes.edit, edits_modules=changes.edits_modules):
            return model(images).double()  # type: ignore[no-any-return]


def recipe_of(opened: Opened) -> Recipe:
    """Returns the run's recipe in fp32: its operators were the fastest when it was planned."""
    return opened.run.record.spec.recipe.model_copy(update={"precision": "fp32"})
