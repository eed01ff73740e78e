"""Defines the only colours, sizes and fonts of charts and pages.

A network has one colour, one dash pattern and one marker everywhere in a report. The colours are Okabe and
Ito's, told apart by people with any colour vision; dashes and markers tell them apart in grey. The papers'
networks have the colour and the dashes of their family, the deeper the darker, and a marker each.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from PIL import ImageColor

INK = "#1c2530"
FAINT_INK = "#5a6675"
RULE = "#d9dee5"
FONT = "'Helvetica Neue', Helvetica, Arial, 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif"
LATIN_FONT = "'Helvetica Neue', Helvetica, Arial, sans-serif"
"""For pictures without Chinese: measuring text in a Chinese font doubles the time a picture takes."""
HEIGHT = 320
PAIR_HEIGHT = 270
WIDTH = 680
PAIR_WIDTH = 440
LEGEND = 26
"""Pixels from a legend to the plot: the title of the vertical axis stands between them."""
AXIS_EXTENT = 38
"""Room at the left of a plot, in pixels, for the labels of axes that charts in a grid share."""
HEAT = ("#f3f6f9", "#b9cfe0", "#6f9cc0", "#2f6494", "#0d2f52")
"""Colours from little to much, light to dark, so that a grey print says the same."""
BELOW = "#b2182b"
"""Colour of what is below zero, where `HEAT` begins at zero."""


@dataclass(frozen=True)
class Look:
    """Holds colour, dashes (lengths of stroke and gap in pixels) and marker of an arm."""

    color: str
    dash: tuple[int, ...]
    shape: str


@dataclass(frozen=True)
class Stroke:
    """Holds width and dashes of a line that has the colour of its network."""

    width: float
    dash: tuple[int, int]


VALIDATED, TRAINED = Stroke(2.4, (1, 0)), Stroke(1.4, (4, 3))
"""Lines of what is measured on validation images, and on training images."""
NETWORKS = {
    "cnn": Look("#59606b", (2, 2), "circle"),
    "resnet": Look("#0072b2", (1, 0), "square"),
    "densenet": Look("#009e73", (7, 3), "triangle-up"),
    "se_resnet": Look("#d55e00", (8, 2, 2, 2), "diamond"),
    "resnet_noskip": Look("#c0679a", (5, 2, 1, 2), "triangle-down"),
}
FAMILIES = {
    "plain": Look("#c0679a", (2, 2), "circle"),
    "plain_nobn": Look("#6b4226", (9, 2, 3, 2), "triangle-down"),
} | {family: NETWORKS[family] for family in ("resnet", "se_resnet", "densenet")}
"""Looks of the papers' networks, by the beginning of their names; without BatchNorm also by the end."""
_MEMBER = re.compile(r"(?P<family>plain|resnet|se_resnet|densenet)(?:_bc)?(?P<depth>\d+)(?P<rest>\D.*)?")
DARKEST = 0.35
"""The deepest of a family has this share of its colour's light; the shallowest has the colour itself."""
OTHERS = (
    Look("#882255", (5, 2), "triangle-down"),
    Look("#332288", (1, 0), "cross"),
    Look("#8c6d1f", (3, 3), "circle"),
    Look("#aa4499", (10, 3), "square"),
    Look("#2a8c99", (6, 2, 1, 2), "triangle-up"),
    Look("#6b4226", (1, 0), "diamond"),
    Look("#117733", (4, 2), "triangle-right"),
    Look("#b2182b", (9, 2, 3, 2), "triangle-left"),
)
MARKERS = (
    "circle",
    "cross",
    "triangle-down",
    "triangle-right",
    "triangle-left",
    "diamond",
    "square",
    "triangle-up",
)


def looks(arms: Sequence[str]) -> dict[str, Look]:
    """Chooses looks of arms: known networks have their own, others one by name, no two alike if possible."""
    members = {arm: found for arm in arms if (found := _MEMBER.fullmatch(arm))}
    fixed = [NETWORKS[arm] for arm in arms if arm in NETWORKS]
    chosen: dict[str, Look] = {}
    for arm in arms:
        if arm in members:
            family = [other for other in members if members[other]["family"] == members[arm]["family"]]
            used = [look.shape for look in (*fixed, *chosen.values())]
            by_depth = sorted(family, key=lambda other: _depth(members[other]))
            chosen[arm] = _member(arm, by_depth, members[arm], used)
            continue
        start = int.from_bytes(sha256(arm.encode()).digest()[:4]) % len(OTHERS)
        free = [look for look in OTHERS[start:] + OTHERS[:start] if look not in chosen.values()]
        chosen[arm] = NETWORKS.get(arm) or (free or [OTHERS[start]])[0]
    return chosen


def _depth(member: re.Match[str]) -> tuple[str, int, str]:
    """Sorts members by variant (width does not count as one), then by depth."""
    rest = member["rest"] or ""
    return ("" if rest.startswith("_k") else rest, int(member["depth"]), rest)


def _member(arm: str, family: Sequence[str], found: re.Match[str], used: Sequence[str]) -> Look:
    """Chooses a look in a `family`, sorted from shallow to deep; its marker is the least `used` one."""
    look, rank = FAMILIES[found["family"]], family.index(arm)
    light = 1 - (1 - DARKEST) * rank / max(1, len(family) - 1)
    color = "#{:02x}{:02x}{:02x}".format(*(round(light * level) for level in ImageColor.getrgb(look.color)))
    return Look(color, look.dash, min((look.shape, *MARKERS), key=used.count))


def tint(color: str, share: float) -> str:
    """Mixes a colour with white: `share` 1 is the colour, 0 is white."""
    levels = (round(255 - share * (255 - level)) for level in ImageColor.getrgb(color))
    return "#{:02x}{:02x}{:02x}".format(*levels)


CONFIG: dict[str, Any] = {
    "font": FONT,
    "background": "transparent",
    "padding": {"left": 2, "right": 8, "top": 4, "bottom": 2},
    "view": {"stroke": None},
    "axis": {
        "labelColor": FAINT_INK,
        "titleColor": INK,
        "labelFontSize": 12,
        "titleFontSize": 12.5,
        "titleFontWeight": "normal",
        "titlePadding": 9,
        "gridColor": RULE,
        "gridOpacity": 0.75,
        "domainColor": FAINT_INK,
        "tickColor": FAINT_INK,
        "tickSize": 4,
        "labelPadding": 5,
    },
    "axisX": {"grid": False, "titlePadding": 5},
    "axisY": {
        "domain": False,
        "ticks": False,
        "titleAnchor": "end",
        "titleAngle": 0,
        "titleAlign": "left",
        "titleX": 0,
        "titleY": -11,
        "titlePadding": 0,
    },
    "legend": {
        "labelFontSize": 12.5,
        "labelColor": INK,
        "symbolSize": 130,
        "symbolStrokeWidth": 2.4,
        "symbolOpacity": 1,
        "columnPadding": 16,
        "offset": LEGEND,
    },
    "line": {"strokeJoin": "round", "strokeCap": "butt"},
}
