"""Which steps of a training are measured. It imports no torch: readings are selected by it, too."""

EVERY_STEP = 16
"""So many first steps are all measured: gradients that explode at the start settle within them, or soon."""
EXTRA = frozenset(
    [
        *(step for step in range(1, EVERY_STEP) if step & (step - 1)),
        *(round(2 ** (half / 2)) for half in range(9, 80, 2)),
    ]
)
"""What the first epoch has beside powers of two: 3, 5, 6, 7, 9 to 15, then 23, 45, 91, ... A number that is
typical of the whole training leaves them out, so as not to be one of its first steps."""


def due(step: int, steps_per_epoch: int) -> bool:
    """Tells whether `step` (from 1) is measured.

    In the first epoch these are the first `EVERY_STEP`, then each about sqrt(2) times the one before, and in
    every epoch the last of each quarter. From the eleventh epoch on it is the last step of each epoch, so
    that a long run has one reading an epoch.
    """
    epoch, within = (step - 1) // steps_per_epoch, (step - 1) % steps_per_epoch + 1
    if epoch == 0 and (within & (within - 1) == 0 or within in EXTRA):
        return True
    quarters = 4 if epoch < 10 else 1
    return any(within == max(1, round(steps_per_epoch * part / quarters)) for part in range(1, quarters + 1))
