"""Named sources of chance: everything random is a pure function of (seed, purpose, epoch).

A run can therefore stop at any step and go on bit for bit, and arms with the same seed see the same
images in the same order. Streams are numpy's PCG64, whose bits are the same on every machine and version
(NEP 19 promises that of bit generators, not of the distributions drawn from them).
"""

from hashlib import sha256

import numpy as np


def derive(seed: int, purpose: str, epoch: int = 0) -> int:
    """A 64-bit seed for one purpose ("initialisation", "order", "augmentation", "subset") in one epoch."""
    return int.from_bytes(sha256(f"{seed}/{purpose}/{epoch}".encode()).digest()[:8], "little")


def generator(seed: int, purpose: str, epoch: int = 0) -> np.random.Generator:
    """A fresh numpy generator for one purpose in one epoch."""
    return np.random.Generator(np.random.PCG64(derive(seed, purpose, epoch)))
