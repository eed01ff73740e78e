"""What a reader of a data set's files returns, whatever their format."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Read:
    """Holds the images and labels of a data set, training then test."""

    images: NDArray[np.uint8]  # N 32 32 3
    labels: NDArray[np.uint8]  # N, 0 to 9
    train: int  # the first so many train
    classes: tuple[str, ...] = ()  # if the files name ten
