"""A network's stages: after which calls its map is read off, once for its stem and each size of the map."""

from math import prod

from skipscope.anatomy.capture import Anatomy, Kind, Site

KINDS: tuple[Kind, ...] = ("conv", "norm", "relu", "shortcut", "concat")


def stages(anatomy: Anatomy) -> list[Site]:
    """The last call before the second convolution, and the last of each size of the map, from the image on.

    A map that is larger than one before it lies beside the way (a shortcut that was made small first), and
    so does one of 1x1 that a larger one follows (a gate squeezes to that).
    """
    maps = [site for site in anatomy.of(*KINDS) if len(site.output) == 3]
    large = [place for place, site in enumerate(maps) if _pixels(site) > 1]
    trunk = [site for place, site in enumerate(maps) if place in large or place > max(large, default=-1)]
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
