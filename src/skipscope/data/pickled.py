"""Reads the pickle of a CIFAR-10 batch without running anything outside this file.

A pickle is a program that calls functions by name. Here the names of numpy's arrays resolve to `Array` and
`Kind`, which record their arguments, and no other name resolves. Its memory is bounded before it is run.
"""

import io
import pickle
import pickletools

import numpy as np
from numpy.typing import NDArray

MEMOS = 1_000_000
"""The largest memo index that is accepted: the unpickler allocates that many slots. A batch has far fewer."""
DEPTH = 100
"""The deepest nesting that is accepted; a batch is far flatter."""


class Refused(Exception):
    """Raised for a pickle that is not read; says why."""


class Kind:
    """Records a numpy dtype as a pickle describes it."""

    def __init__(self, name: object = None, *_: object) -> None:
        """Records the first argument of `numpy.dtype`: `u1`."""
        self.name = name.decode("latin1") if isinstance(name, bytes) else name

    def __setstate__(self, state: object) -> None:
        """Ignores byte order and the like, which bytes do not have."""


class Array:
    """Records a numpy array as a pickle describes it."""

    def __init__(self, *_: object) -> None:
        """Ignores the arguments: numpy makes an empty array of them."""
        self.shape: object = None
        self.kind: object = None
        self.fortran: object = None
        self.content: object = None

    def __setstate__(self, state: object) -> None:
        """Records shape, dtype, order and bytes."""
        if isinstance(state, tuple) and len(state) == 5:
            _, self.shape, self.kind, self.fortran, self.content = state

    def octets(self) -> NDArray[np.uint8] | None:
        """Returns the array if it is two-dimensional and of bytes, else None."""
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
    """Resolves names to the stand-ins only."""

    def find_class(self, module: str, name: str) -> object:
        """Returns the stand-in for a name of numpy's; refuses all others."""
        if (module, name) not in _NAMES:
            raise Refused(
                f"is a pickle that asks for {module}.{name}; a batch needs numpy arrays only. "
                "Nothing of it was run."
            )
        return _NAMES[module, name]


def unpickled(data: bytes) -> object:
    """Unpickles `data`, with its arrays as `Array`.

    Raises:
        Refused: it names anything but arrays, or needs too much memory.
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
