"""An accelerator that is none: torch's own operators on the processor, behind the rules of a device.

A tensor "on" it cannot be mixed with the processor's, nor read without a fetch, and each fetch is noted.
It computes what the processor computes, so a run there must leave the same numbers as one here. What it does
not tell: kernels, rounding, memory and speed of a real one, and anything that happens out of order.
"""

from collections.abc import Iterator
from typing import Any, Self

import pytest
import torch
from torch import Tensor
from torch.utils import backend_registration as registration
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

NAME = "fake"
ATEN = torch.ops.aten
FETCHES = {
    ATEN._local_scalar_dense.default,
    ATEN.equal.default,
    ATEN.nonzero.default,
    ATEN.masked_select.default,
    ATEN._unique2.default,
}
"""Operators whose result, or its shape, the processor waits for."""
MAY_MIX = {ATEN.copy_.default, ATEN.index.Tensor, ATEN.index_put_.default, ATEN._index_put_impl_.default}
"""Operators that take tensors of two devices: a copy, and indices on the processor."""


class Module(registration._DummyBackendModule):
    """`torch.fake`, as far as anybody asks."""

    def __init__(self) -> None:
        self.generators: dict[int, int] = {}
        self.index = 0
        self.devices = 1
        self.there = False

    def is_available(self) -> bool:
        return self.there

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16, torch.float16]

    def manual_seed_all(self, seed: int) -> None:
        self.generators = dict.fromkeys(range(self.devices), seed % 2**63)

    def get_rng_state(self, on: Any = 0) -> Tensor:
        return torch.tensor(self.generators.get(_index(on), 0))

    def set_rng_state(self, state: Tensor, on: Any = 0) -> None:
        self.generators[_index(on)] = int(state)

    def device_count(self) -> int:
        return self.devices


def _index(on: Any) -> int:
    return on if isinstance(on, int) else torch.device(on).index or 0


class Hook(registration._DummyPrivateUse1Hook):
    """Says whether the accelerator is there."""

    def is_available(self) -> bool:
        return MODULE.there


MODULE = Module()
fetches: list[str] = []


class OnDevice(Tensor):
    """A tensor on the fake accelerator; `inner` is on the processor."""

    @staticmethod
    def __new__(cls, inner: Tensor) -> Self:
        like = {"strides": inner.stride(), "storage_offset": inner.storage_offset(), "dtype": inner.dtype}
        return Tensor._make_wrapper_subclass(cls, inner.size(), device=torch.device(NAME, 0), **like)

    def __init__(self, inner: Tensor) -> None:
        self.inner = inner

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return compute(func, args, kwargs or {})

    def tolist(self) -> Any:
        fetches.append("tolist")
        return self.inner.tolist()

    def __repr__(self) -> str:
        return f"on the device: {self.inner!r}"

    def __reduce_ex__(self, protocol: Any) -> Any:
        fetches.append("pickled")
        return self.inner.__reduce_ex__(protocol)


def compute(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Computes one operator on the processor, and returns a tensor on the device if it belongs there."""
    tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
    on_device = [x for x in tensors if isinstance(x, OnDevice)]
    there = bool(on_device)
    if kwargs.get("device") is not None:
        there = torch.device(kwargs["device"]).type == NAME
        kwargs = kwargs | {"device": torch.device("cpu")}
    if on_device and (func in FETCHES or not there or _copies_to_host(func, args)):
        fetches.append(str(func))
    if on_device and func not in MAY_MIX and any(x.ndim and not isinstance(x, OnDevice) for x in tensors):
        raise RuntimeError(f"{func}: Expected all tensors to be on the same device")
    wrapped = {id(x.inner): x for x in on_device}
    found = func(*tree_map(_inner, args), **tree_map(_inner, kwargs))

    def wrap(x: Any) -> Any:
        if not (isinstance(x, Tensor) and there):
            return x
        return wrapped[id(x)] if id(x) in wrapped else OnDevice(x)

    return args[0] if func is ATEN.copy_.default else tree_map(wrap, found)


def _copies_to_host(func: Any, args: Any) -> bool:
    return func is ATEN.copy_.default and isinstance(args[1], OnDevice) and not isinstance(args[0], OnDevice)


def _inner(x: Any) -> Any:
    return x.inner if isinstance(x, OnDevice) else x


class _Computing(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return compute(func, args, kwargs or {})


_registered: list[torch.library.Library] = []


def _register() -> None:
    """Registers the device once per process; nobody finds it outside of the fixture."""
    if _registered:
        return
    registration._setup_privateuseone_for_python_backend(NAME, MODULE, Hook())
    library = torch.library.Library("aten", "IMPL")

    def empty_strided(size: Any, stride: Any, *, dtype: Any = None, **_: Any) -> Tensor:
        return OnDevice(torch.empty_strided(size, stride, dtype=dtype))

    def empty(size: Any, *, dtype: Any = None, memory_format: Any = None, **_: Any) -> Tensor:
        held = memory_format or torch.contiguous_format
        return OnDevice(torch.empty(size, dtype=dtype, memory_format=held))

    def copy_from(source: Tensor, to: Tensor, _non_blocking: bool = False) -> Tensor:
        return compute(ATEN.copy_.default, (to, source), {})

    for name, kernel in {
        "empty_strided": empty_strided,
        "empty.memory_format": empty,
        "_copy_from": copy_from,
    }.items():  # what torch calls past every mode
        library.impl(name, kernel, "PrivateUse1")
    _registered.append(library)


@pytest.fixture
def accelerator(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Has the accelerator there while a test lasts; its fetches so far."""
    _register()
    monkeypatch.setattr(MODULE, "there", True)
    fetches.clear()
    # assigning to a parameter's `data` would not reach its `inner`
    monkeypatch.setattr(torch.__future__, "_overwrite_module_params_on_conversion", True)
    # in this thread: those for devices start at a process's first backward pass, for the devices then known
    with torch.autograd.set_multithreading_enabled(False), _Computing():
        yield fetches
