"""TensorBoard's event files: scalars by step.

TensorBoard needs so little of two formats that they are written here; its own writer would bring 60 MB.

    file     TFRecords one after the other
    record   length of the content (uint64), its checksum, the content, its checksum (uint32, little endian)
    content  an `Event` of TensorFlow's event.proto:
             wall_time = 1 (double), step = 2 (int64), file_version = 3 (string) or summary = 5
    summary  value = 1, which has tag = 1 (string) and simple_value = 2 (float)
"""

import struct
from collections.abc import Iterable
from typing import NamedTuple

VERSION = b"brain.Event:2"
"""What the first event of a file says; readers refuse any other."""
_CASTAGNOLI = 0x82F63B78
"""The polynomial of CRC-32C, its bits reversed."""
_VARINT, _DOUBLE, _BYTES, _FLOAT = 0, 1, 2, 5
"""Types of a protobuf field on the wire."""


class Scalar(NamedTuple):
    """One point of a curve."""

    tag: str
    """The curve's name; TensorBoard groups by what stands before the first slash."""
    step: int
    value: float
    seconds: float
    """Unix time."""


def event_file(scalars: Iterable[Scalar], *, began: float) -> bytes:
    """Builds the file of these scalars; `began` is the Unix time of its first event."""
    version = _double(1, began) + _bytes(3, VERSION)
    return _record(version) + b"".join(_record(_event(each)) for each in scalars)


def _event(scalar: Scalar) -> bytes:
    value = _bytes(1, scalar.tag.encode()) + _key(2, _FLOAT) + struct.pack("<f", scalar.value)
    step = _key(2, _VARINT) + _varint(scalar.step)
    return _double(1, scalar.seconds) + step + _bytes(5, _bytes(1, value))


def _record(content: bytes) -> bytes:
    length = struct.pack("<Q", len(content))
    return length + _checksum(length) + content + _checksum(content)


def _checksum(content: bytes) -> bytes:
    """Returns the CRC-32C, rotated and shifted, so that a checksum of a checksum is none of its own."""
    crc = crc32c(content)
    masked = (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
    return struct.pack("<I", masked)


def _remainder(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (_CASTAGNOLI if byte & 1 else 0)
    return byte


_REMAINDERS = tuple(map(_remainder, range(256)))


def crc32c(content: bytes) -> int:
    """Computes the checksum of iSCSI (RFC 3720): Python's own `zlib.crc32` has another polynomial."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = (crc >> 8) ^ _REMAINDERS[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def _key(field: int, kind: int) -> bytes:
    return bytes((field << 3 | kind,))


def _varint(value: int) -> bytes:
    """Writes seven bits a byte, the lowest first; all bytes but the last have their highest bit set."""
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*written, value))


def _double(field: int, value: float) -> bytes:
    return _key(field, _DOUBLE) + struct.pack("<d", value)


def _bytes(field: int, value: bytes) -> bytes:
    return _key(field, _BYTES) + _varint(len(value)) + value
