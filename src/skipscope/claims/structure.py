"""What networks are compared by, in words, from their recorded anatomy; torch is not needed."""

from functools import cache
from itertools import groupby

from skipscope.records.network_card import Concatenation, NetworkCard, StemLayer
from skipscope.records.printed import anatomy_of


def depth(card: NetworkCard) -> int:
    """Convolutions and linear layers on the trunk; those of shortcuts and gates lie off it."""
    return anatomy_of(card).depth


def stem(card: NetworkCard) -> str:
    """The first convolution and the pooling before the next: `conv 7x7/2, max-pool 3x3/2`."""
    return ", ".join(map(_layer, anatomy_of(card).stem))


def _layer(layer: StemLayer) -> str:
    height, width = layer.kernel
    stride = f"/{layer.stride[0]}" if layer.stride[0] > 1 else ""
    return f"{layer.kind} {height}x{width}{stride}"


def maps(card: NetworkCard) -> str:
    """Sizes of the maps after the stem, each once: `32x32, 16x16, 8x8`."""
    return ", ".join(f"{height}x{width}" for _, height, width in anatomy_of(card).maps)


def width(card: NetworkCard) -> str:
    """Channels at each map size, `16, 32, 64`; of a dense network those that its layers append."""
    anatomy, appending = anatomy_of(card), _appending(card)
    if not appending:
        return ", ".join(str(channels) for channels, *_ in anatomy.maps)
    by_size = groupby(appending, key=lambda joined: joined.shape[1:])
    return ", ".join("/".join(dict.fromkeys(str(each.appended) for each in same)) for _, same in by_size)


def normalisation(card: NetworkCard) -> str:
    """The kinds of layers that normalise, or `none`."""
    return ", ".join(anatomy_of(card).normalisation) or "none"


@cache
def shortcut(card: NetworkCard) -> str:
    """`none`, `identity`, or `projection` if any shortcut has a layer of its own."""
    kinds = {shortcut.kind for shortcut in anatomy_of(card).shortcuts}
    return "projection" if "projection" in kinds else "identity" if kinds else "none"


def concatenation(card: NetworkCard) -> str:
    """`dense` if maps are appended to those they were computed from, else `none`."""
    return "dense" if _appending(card) else "none"


def _appending(card: NetworkCard) -> list[Concatenation]:
    """Those that append, of a network in which most do; Inception's branches are no dense connections."""
    found = anatomy_of(card).concatenations
    appending = [each for each in found if each.kind == "append"]
    return appending if 2 * len(appending) > len(found) else []


def may_join(card: NetworkCard) -> bool:
    """Whether maps are concatenated, or joined in a way that could be a shortcut and was not followed."""
    anatomy = anatomy_of(card)
    doubtful = any(each.reason in ("hidden", "function", "broadcast") for each in anatomy.unfollowed)
    return bool(anatomy.concatenations) or doubtful


def gate(card: NetworkCard) -> str:
    """`SE`, else `static` or `constant`: branches weighed by channel or whole, images alike; or `none`."""
    anatomy = anatomy_of(card)
    scales = {shortcut.scale for shortcut in anatomy.shortcuts}
    static = "static" if "by_channel" in scales else "constant" if "number" in scales else "none"
    return "SE" if anatomy.gates else static


def gates(card: NetworkCard) -> str:
    """`SE` or `none`: what weighs branches and is the same for all images is no gate."""
    return "SE" if gate(card) == "SE" else "none"


def kept(card: NetworkCard) -> int:
    """Numbers of one image that convolutions are given, and keep until the backward pass."""
    return anatomy_of(card).conv_inputs
