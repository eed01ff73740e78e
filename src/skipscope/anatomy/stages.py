"""A network's stages: the calls after which its map is read, one for the stem and one for each map size."""

from math import prod

from skipscope.anatomy.calls import Anatomy, Kind, Site

KINDS: tuple[Kind, ...] = ("conv", "norm", "relu", "shortcut", "concat")


def stages(anatomy: Anatomy, kinds: tuple[Kind, ...] = KINDS) -> list[Site]:
    """Returns the last call before the second convolution, and the last of each size of the map, in order.

    A map larger than an earlier one lies off the trunk (a shortcut that was subsampled first), and so does
    one of 1x1 that a larger one follows (what a gate squeezes to).
    """
    maps = [site for site in anatomy.of(*kinds) if len(site.output) == 3]
    last_large = max((index for index, site in enumerate(maps) if _pixels(site) > 1), default=-1)
    trunk = [site for index, site in enumerate(maps) if _pixels(site) > 1 or index > last_large]
    ends: list[Site] = []
    for site in trunk:
        if ends and _pixels(site) > _pixels(ends[-1]):
            continue
        after_stem = len(ends) == 1 and ends[0].depth <= 1 < site.depth
        if ends and _pixels(site) == _pixels(ends[-1]) and not after_stem:
            ends.pop()
        ends.append(site)
    return ends


def _pixels(site: Site) -> int:
    return prod(site.output[1:])
