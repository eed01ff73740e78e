"""What Python wrote of a CIFAR-10 batch, read without calling anything but this file.

A pickle is a program: it names functions and says what to call them with. Here the names of numpy's arrays
stand for `Array` and `Kind`, which keep what they are given, and no other name stands for anything. What it
may make this process allocate is bounded before it is run.
"""

import io
import pickle
import pickletools

import numpy as np
from numpy.typing import NDArray

MEMOS = 1_000_000
"""More than any batch has; the unpickler makes room for as many as the largest number that is named."""
DEPTH = 100
"""More levels than a batch has."""


class Refused(Exception):
    """Why a pickle is not read."""


class Kind:
    """A numpy dtype as a pickle describes it: what it was made and set up with."""

    def __init__(self, name: object = None, *_: object) -> None:
        """The first argument of `numpy.dtype`: `u1`."""
        self.name = name.decode("latin1") if isinstance(name, bytes) else name

    def __setstate__(self, state: object) -> None:
        """Byte order and the like: of bytes and whole numbers below 256 it means nothing."""


class Array:
    """A numpy array as a pickle describes it."""

    def __init__(self, *_: object) -> None:
        """What numpy makes it of says nothing: an empty array."""
        self.shape: object = None
        self.kind: object = None
        self.fortran: object = None
        self.content: object = None

    def __setstate__(self, state: object) -> None:
        """Version, shape, dtype, order, bytes."""
        if isinstance(state, tuple) and len(state) == 5:
            _, self.shape, self.kind, self.fortran, self.content = state

    def octets(self) -> NDArray[np.uint8] | None:
        """The array if it is one of bytes, else None."""
        content = self.content.encode("latin1") if isinstance(self.content, str) else self.content
        if not isinstance(self.kind, Kind) or self.kind.name != "u1" or not isinstance(content, bytes):
            return None
        if not isinstance(self.shape, tuple) or not all(type(size) is int for size in self.shape):
            return None
        if len(self.shape) != 2 or min(self.shape) < 0 or self.shape[0] * self.shape[1] != len(content):
            return None
        order = "F" if self.fortran else "C"
        return np.frombuffer(content, np.uint8).reshape(self.shape, order=order)  # type: ignore[call-overload,no-any-return]


_NAMES = {
    ("numpy", "ndarray"): Array,
    ("numpy", "dtype"): Kind,
    ("numpy.core.multiarray", "_reconstruct"): Array,
    ("numpy._core.multiarray", "_reconstruct"): Array,
}


class _ArraysOnly(pickle.Unpickler):
    """Finds the stand-ins and nothing else."""

    def find_class(self, module: str, name: str) -> object:
        """The stand-in of the named maker of arrays; anything else is refused."""
        if (module, name) not in _NAMES:
            raise Refused(
                f"is a pickle that asks for {module}.{name}; a batch needs numpy arrays only. "
                "Nothing of it was run."
            )
        return _NAMES[module, name]


def unpickled(data: bytes) -> object:
    """What is pickled in `data`, its arrays as `Array`.

    Raises:
        Refused: it asks for something else than arrays, or for too much.
        Exception: it is damaged.
    """
    depth = 0
    for code, argument, _ in pickletools.genops(data):
        if code.name in ("PUT", "BINPUT", "LONG_BINPUT") and isinstance(argument, int) and argument > MEMOS:
            raise Refused(f"is a pickle that asks for room for {argument:,} objects.")
        depth += (code.name == "MARK") - (pickletools.markobject in code.stack_before)
        if depth > DEPTH:
            raise Refused(f"is a pickle of more than {DEPTH} levels.")
    # the official files are Python 2's: their strings are bytes, and latin1 maps those one to one
    return _ArraysOnly(io.BytesIO(data), encoding="latin1").load()
