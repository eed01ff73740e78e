"""Reads the pickle of a CIFAR-10 batch without running anything outside this file.

A pickle is a program that calls functions by name. Here the names of numpy's arrays resolve to what records
their arguments as an `Array` or a `Kind`, and `_codecs.encode` to latin1 alone; no other name resolves. Its
memory is bounded before it is run.
"""

import io
import pickle
import pickletools
from math import prod
from typing import Any

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
        self.order: object = "="

    def __setstate__(self, state: object) -> None:
        """Records the order of a number's bytes; they have none if they are single."""
        if isinstance(state, tuple) and len(state) > 1:
            self.order = state[1].decode("latin1") if isinstance(state[1], bytes) else state[1]


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
        found = self._array("u1")
        return found if found is not None and found.ndim == 2 else None

    def integers(self) -> list[int] | None:
        """Returns the numbers of an array of whole numbers in one row or column, else None."""
        found = self._array(*INTEGERS)
        if found is None or found.size != max(found.shape, default=1):
            return None
        return [int(number) for number in found.ravel()]

    def _array(self, *kinds: str) -> NDArray[Any] | None:
        content = self.content.encode("latin1") if isinstance(self.content, str) else self.content
        kind, shape = self.kind, self.shape
        if not isinstance(kind, Kind) or kind.name not in kinds or not isinstance(content, bytes | bytearray):
            return None
        if not isinstance(shape, tuple) or not all(type(size) is int and size >= 0 for size in shape):
            return None
        form = np.dtype(str(kind.name)).newbyteorder(">" if kind.order == ">" else "<")
        if len(shape) > 2 or prod(shape) * form.itemsize != len(content):
            return None
        return np.frombuffer(content, form).reshape(shape, order="F" if self.fortran else "C")


def _from_buffer(content: object, kind: object, shape: object, order: object = "C", *_: object) -> Array:
    """Records an array as protocol 5 describes it."""
    found = Array()
    found.__setstate__((1, shape, kind, order in ("F", b"F"), content))
    return found


def _scalar(kind: object, content: object = None, *_: object) -> Array:
    """Records a single number of numpy's."""
    return _from_buffer(content, kind, ())


def _encoded(text: str, encoding: object) -> bytes:
    """Encodes bytes that Python 3 wrote as a text, by protocols that have no bytes."""
    if encoding not in ("latin1", b"latin1"):
        raise ValueError(f"bytes are written in latin1, not {encoding!r}")
    return text.encode("latin1")


INTEGERS = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")
_NAMES = {
    ("numpy", "ndarray"): Array,
    ("numpy", "dtype"): Kind,
    ("_codecs", "encode"): _encoded,
    **{
        (f"numpy.{core}.{module}", name): known
        for core in ("core", "_core")
        for module, name, known in (
            ("multiarray", "_reconstruct", Array),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _from_buffer),
        )
    },
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
