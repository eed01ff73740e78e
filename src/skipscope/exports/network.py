"""A network as one file that other programs run: ONNX, TorchScript.

A file is loaded again by what is to run it, and refused where it gives other logits than the network.
Shapes: N images of 3 x 32 x 32, normalised as in training -> logits, N 10.
"""

import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib import import_module
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from skipscope.errors import SkipscopeError
from skipscope.torch_threads import threads_for_cores

TOLERANCE = 1e-5
"""How far logits may be apart, as a share of the largest.

In fp32 a sum in another order is off by some 1e-7 of itself. Of the trained networks of `lab` ONNX was at
most 1e-6 off after all layers, and the least that a kernel or a running mean did, left out, was 2e-4.
"""
TRACED = 2
"""Images in the batch that is followed; files are tried with other numbers of images."""

Run = Callable[[Tensor], Tensor]
"""Computes logits with what was loaded from a file."""


class Packed(NamedTuple):
    """A network's file."""

    content: bytes
    apart: float
    """How far its logits are from the network's, as a share of the largest."""


@threads_for_cores()
def packed(model: nn.Module, kind: str, notes: Mapping[str, Any]) -> Packed:
    """Makes the file of a network that is in evaluation mode, and tries it.

    Args:
        model: the network.
        kind: one of `KINDS`.
        notes: what the file says of itself, as JSON.

    Raises:
        SkipscopeError: a package is missing; the network cannot be followed; or the file gives other logits.
    """
    with _quiet():
        content, run = _followed(model, kind, notes)
        apart = _apart(model, run, kind)
    if not apart <= TOLERANCE:  # nor if it is no number
        raise SkipscopeError(
            f"The {kind} file gives other logits than the network: {apart:.1g} of the largest apart, where "
            f"rounding explains {TOLERANCE:.0e}. It was not written.",
            hint="forward must compute the same for any batch: what Python decides by the images is not kept",
        )
    return Packed(content, apart)


def _followed(model: nn.Module, kind: str, notes: Mapping[str, Any]) -> tuple[bytes, Run]:
    try:
        return KINDS[kind](model, {key: json.dumps(value) for key, value in notes.items()})
    except SkipscopeError:
        raise
    except Exception as error:
        raise SkipscopeError(
            f"This network cannot be written as {kind}: {_first_cause(error)}",
            hint=f"write forward without what depends on the images' values, or try {_others(kind)}",
        ) from error


def _onnx(model: nn.Module, notes: dict[str, str]) -> tuple[bytes, Run]:
    onnx, runtime = _needed("onnx"), _needed("onnxruntime")
    _needed("onnxscript")  # torch's exporter imports it
    program: Any = torch.onnx.export(
        model,
        (images(TRACED),),
        dynamo=True,
        dynamic_shapes=({0: torch.export.Dim("N")},),
        input_names=["images"],
        output_names=["logits"],
        verbose=False,
    )
    made = program.model_proto
    graph = made.graph
    for part in (*graph.node, *graph.input, *graph.output, *graph.initializer, *graph.value_info):
        del part.metadata_props[:]  # the lines of our source, with this machine's paths
    onnx.helper.set_model_props(made, notes)
    content: bytes = made.SerializeToString()
    session = runtime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return content, lambda x: torch.from_numpy(session.run(["logits"], {"images": x.numpy()})[0])


def _torchscript(model: nn.Module, notes: dict[str, str]) -> tuple[bytes, Run]:
    file = io.BytesIO()
    torch.jit.save(torch.jit.trace(model, images(TRACED), check_trace=False), file, _extra_files=notes)  # type: ignore[no-untyped-call]
    return file.getvalue(), torch.jit.load(io.BytesIO(file.getvalue()))  # type: ignore[no-untyped-call]


KINDS = {"onnx": _onnx, "torchscript": _torchscript}
"""Each follows a network, and returns its file and the network as that file has it."""


def images(count: int) -> Tensor:
    """Draws images like normalised ones, in mean and spread; always the same."""
    return torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def _apart(model: nn.Module, run: Run, kind: str) -> float:
    """Compares logits, on batches of other sizes and signs than what was followed."""
    several = images(7)
    furthest = 0.0
    with torch.no_grad():
        for x in (several, -several, several[:1]):
            own = model(x)
            try:
                other = run(x)
            except Exception as error:
                raise SkipscopeError(
                    f"The {kind} file takes no batch of {len(x)} images. It was not written.",
                    hint="in forward write flatten(1) or view(x.shape[0], -1) in place of a number of images",
                ) from error
            furthest = max(furthest, ((own - other).abs().max() / own.abs().max()).item())
    return furthest


def _first_cause(error: BaseException) -> str:
    """Returns the first line of what began it: exporters wrap what happened in advice on themselves."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _others(kind: str) -> str:
    return ", ".join(each for each in KINDS if each != kind)


def _needed(package: str) -> Any:
    try:
        return import_module(package)
    except ImportError:
        raise SkipscopeError(
            f"ONNX needs the package {package}, which is not installed.",
            hint="pip install 'skipscope[export]'",
        ) from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps from the user what exporters say of themselves: deprecations, missing packages, graphs."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
