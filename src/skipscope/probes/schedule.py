"""Which steps of a training, and how many images, are measured. It imports no torch: reports ask it, too."""

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
FEW_EPOCHS = 10
"""Runs of fewer epochs are validated within them, too: three points show little of a curve."""
CHECKED = 1000
"""Validation images that such a check looks at, stratified."""
IMAGE_PASSES = 7_000
"""Budget of images over all ablations of sources; one has 101 in the classroom's `densenet`.

The share of pairs that cost something has a standard error of 0.05 to 0.07 with 147 images and 0.08 to 0.09
with 73 (bootstrap, briefly trained networks), and spread by 0.06 over three seeds.
"""
FEWEST_IMAGES = 32
"""Lower limit for one ablation."""


def ablation_images(ablations: int) -> int:
    """Returns how many images of the sample see each ablation of a source, and the intact network."""
    return max(FEWEST_IMAGES, IMAGE_PASSES // (1 + ablations))


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


def checks(epochs: int, steps_per_epoch: int, images: int) -> tuple[int, ...]:
    """Returns after how many of an epoch's steps a run of few epochs is validated: after each third.

    A check takes as long as training on a third of its images; a run on few images is not checked.
    """
    if epochs >= FEW_EPOCHS or images < 5 * CHECKED:
        return ()
    return tuple(step for step in (steps_per_epoch // 3, 2 * steps_per_epoch // 3) if step)
