"""Apply probes to a network as it is, in fp32 and on a copy, so that the network itself cannot change.

Shapes: N images of 3 x H x W, normalised as the network sees them; N class numbers.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from traceback import clear_frames
from typing import Any

import polars as pl
import torch
from torch import Tensor, nn

from skipscope.anatomy.calls import Anatomy
from skipscope.anatomy.capture import anatomy
from skipscope.anatomy.follow import applied_to, as_written, in_words
from skipscope.anatomy.modes import uncompiled
from skipscope.errors import ProbeError, SkipscopeError, UnknownName, UsageError
from skipscope.models.chance import chance_restored, reseed
from skipscope.models.layout import unfit_for_channels_last
from skipscope.probes.base import Probe, Reading, View, copied, logits
from skipscope.probes.cost import estimated
from skipscope.probes.inputs import tensors
from skipscope.probes.registry import PROBES
from skipscope.probes.step import of_one_step
from skipscope.randomness import derive
from skipscope.records.readings import READINGS, schema_1_text
from skipscope.said_once import saying_once

WITHOUT_FLOAT64 = frozenset({"mps"})
"""Types of devices that have no float64, in which probes take sums: there the processor measures."""
STEP_IMAGES = 128
"""Images of the sample for the probes of one training step."""

SYNONYMS = {
    "hessian": "curvature",
    "sharpness": "curvature",
    "gradients": "gradient_flow",
    "lesion": "block_deletion",
}
"""Other words for probes."""


def measured(
    model: nn.Module,
    images: Any,
    labels: Any,
    *,
    probes: Iterable[str] | None,
    seed: int,
    on_probe: Callable[[str, Mapping[str, float]], object],
) -> tuple[pl.DataFrame, ProbeError | None]:
    """Measures any image network; returns readings, and which probes failed, if some did.

    `on_probe` is called before each probe with its name and the estimated seconds of all. See
    `skipscope.probe` for the rest.
    """
    view = view_of(model, images, labels, seed=seed)
    chosen = [PROBES[name] for name in known(PROBES if probes is None else probes)]
    apply = [each for each in chosen if _applies(each, view)]
    for each in chosen if probes is not None else ():
        if each not in apply:
            raise _nothing_to_measure(each)
    if view.anatomy.unfollowed:
        warnings.warn(" ".join(in_words(view.anatomy)), UserWarning, stacklevel=4)  # past `probe`, decorated
    seconds = estimated(view.model, view.images, [each.name for each in apply], len(view.labels))
    tried = Tried()
    with saying_once():
        for each in apply:
            on_probe(each.name, seconds)
            tried.add(each, view)
    failed = tried.error() if tried.failed else None
    if failed and len(tried.failed) == len(apply):
        raise failed
    readings = pl.DataFrame([{"run": "", **row} for row in tried.rows], schema=READINGS)
    return readings.with_columns(place=schema_1_text()), failed


def _applies(each: Probe[Any], view: View) -> bool:
    """Tells whether a probe measures a network as it is, and has something to measure in this one."""
    unknown = each.needs_start and view.start is None
    return bool(each.when & {"initial", "frozen"} and not unknown and each.applies_to(view.anatomy))


def _nothing_to_measure(each: Probe[Any]) -> UsageError:
    """Says why a probe that was asked for does not apply."""
    where = "this network"
    if each.needs_start:
        where = "a network whose start is not known: it measures finished runs (`skipscope probe RUN`)"
    elif not each.when & {"initial", "frozen"}:
        where = "a network that is not being trained"
    return UsageError(
        f"The probe {each.name} has nothing to measure in {where}.",
        hint="leave it out, or leave out probes altogether: then all that apply are taken",
    )


def known(names: Iterable[str]) -> list[str]:
    """Checks that these are names of probes.

    Raises:
        UnknownName: there is no such probe; lists those there are.
    """
    chosen = [names] if isinstance(names, str) else list(names)
    for name in chosen:
        if name not in PROBES:
            raise UnknownName("probe", name, PROBES, synonyms=SYNONYMS)
    return chosen


def view_of(model: nn.Module, images: Any, labels: Any, *, seed: int = 0) -> View:
    """Copies the network in fp32 and evaluation mode, with the sample on its device if that has float64.

    Raises:
        UsageError: images, labels and the network's output do not fit each other, or its calls cannot be
        followed.
    """
    model = as_written(model)
    weight = next(model.parameters(), torch.zeros(0))
    on = torch.device("cpu") if weight.device.type in WITHOUT_FLOAT64 else weight.device
    x, y = (each.to(on) for each in tensors(images, labels))
    with _undisturbed(x.device, seed):
        with torch.no_grad():
            copy, x = _held(model, x)
            classes = logits(copy(x[:2].clone()), x[:2]).shape[1]
        if not 0 <= y.min() <= y.max() < classes:
            raise UsageError(
                f"The labels range from {y.min()} to {y.max()}, but the network returns {classes} logits.",
                hint=f"number the classes from 0 to {classes - 1}",
            )
        return View(model=copy, images=x, labels=y, anatomy=anatomy(copy, x[:2]), seed=seed)


def _held(model: nn.Module, x: Tensor) -> tuple[nn.Module, Tensor]:
    """Copies the network in evaluation mode and fp32, in channels_last if it can be held so, as its images.

    A network that casts its maps itself, to float64 or half precision, is computed as it was written.
    """
    with applied_to(x):
        try:
            copy, unfit = _tried(copied(model).to(x.device).float(), x)
        except Exception as error:  # noqa: BLE001 - raised below, if at all
            try:
                copy, unfit = _tried(copied(model).to(x.device), x)
            except Exception:  # noqa: BLE001 - neither in fp32 nor so
                raise error from error.__cause__
    copy.zero_grad()
    # channels_last is one and a half times as fast on CPUs
    return copy, x.contiguous(memory_format=torch.contiguous_format if unfit else torch.channels_last)


def _tried(model: nn.Module, x: Tensor) -> tuple[nn.Module, str]:
    return model, unfit_for_channels_last(model.eval(), x[:2])


def measure(each: Probe[Any], view: View) -> list[Reading]:
    """Returns one probe's readings of the network."""
    few = view.first(STEP_IMAGES)
    with _undisturbed(view.images.device, view.seed):
        in_step = "step" in each.when
        return list(each.measure(of_one_step(few.model, few.images, few.labels) if in_step else view))


@dataclass(frozen=True)
class Tried:
    """Readings of several probes on one network; one that fails does not stop the others."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    failed: dict[str, Exception] = field(default_factory=dict)
    """Errors of the probes that failed, by name."""

    def add(self, each: Probe[Any], view: View, step: int = 0) -> list[dict[str, Any]]:
        """Adds one probe's readings, or its error; returns the rows."""
        try:
            readings = measure(each, view)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is reported
            clear_frames(error.__traceback__)  # they hold graphs, whose memory the other probes need
            self.failed[each.name] = error
            return []
        rows = [{"probe": each.name, "step": step, **reading.row()} for reading in readings]
        self.rows.extend(rows)
        return rows

    def error(self) -> ProbeError:
        """Returns an error that names the failed probes and reasons, with the tracebacks as its cause."""
        reasons = (f"{name} ({_reason(error)})" for name, error in self.failed.items())
        found = ProbeError(
            f"Probes failed on this network: {', '.join(reasons)}.",
            hint="the other probes' readings are kept; leave these out, or fix the network",
        )
        found.__cause__ = ExceptionGroup("probes failed", list(self.failed.values()))
        return found


def _reason(error: Exception) -> str:
    """Gives the reason in one line."""
    if isinstance(error, SkipscopeError):
        return error.what.rstrip(".")
    said = str(error).strip().partition("\n")[0].rstrip(".")
    return f"{type(error).__name__}{said and ': '}{said}"


def of_trained(probes: Iterable[str] | None, inside: Anatomy) -> list[Probe[Any]]:
    """Returns the probes (all, if None) of trained networks that apply to one with this anatomy.

    Those that need its start are among them: a run is known from its first step.
    """
    chosen = (PROBES[name] for name in (PROBES if probes is None else probes))
    return [each for each in chosen if "frozen" in each.when and each.applies_to(inside)]


def initial_rows(view: View) -> Tried:
    """Measures a network before its first step."""
    tried = Tried()
    for each in PROBES.values():
        if "initial" in each.when and each.applies_to(view.anatomy):
            tried.add(each, view)
    return tried


@contextmanager
def _undisturbed(on: torch.device, seed: int) -> Iterator[None]:
    """Computes in fp32; what a network itself draws (dropout) is a function of the seed.

    The state of torch's, numpy's and Python's generators is restored.
    """
    with chance_restored(on), uncompiled(), torch.autocast(on.type, enabled=False):
        reseed(derive(seed, "network's own") >> 1, on)
        yield
