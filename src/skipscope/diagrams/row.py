"""Draws one network along its lines: layers on the main path, arcs and bundles above it, branches below."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from skipscope.diagrams import marks, svg
from skipscope.diagrams.layout import IMAGE_SIDE, Layout, height_of
from skipscope.diagrams.loops import Loop, lanes_of, loops_of, rises
from skipscope.diagrams.wiring import LAYERS, Branch, Kind, Step, Wiring
from skipscope.figures import style

LANE, LANE_HEIGHT = 12.0, 8.0
"""Between branches; height of a layer in one."""
CAPTION, BELOW = 13.0, 16.0
"""Between a caption's lines; from the layers to its first."""
BETWEEN = 12.0
"""Between a network's lines."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A stretch of one line; an open end goes on in another line."""

    line: int
    left: float
    right: float
    begins: bool
    ends: bool


class Row:
    """A network in its lines, from `top` downwards."""

    def __init__(
        self, wiring: Wiring, layout: Layout, *, top: float, color: str, fills: Sequence[str] = ()
    ) -> None:
        """Knows where everything is; `fills` are colours of the convolutions, in place of one for all."""
        self.wiring, self.layout, self.color = wiring, layout, color
        self.steps = wiring.steps
        self.fills = iter(fills)
        self.rises = rises(loops_of(wiring.steps), wiring.steps)
        self.lanes = tuple(lanes_of(wiring))
        self.middles: list[float] = []
        self.bottoms: list[float] = []
        for number in range(layout.lines):
            middle = top + self._above(number)
            self.middles.append(middle)
            self.bottoms.append(middle + self._below(number))
            top = self.bottoms[-1] + BELOW + CAPTION + BETWEEN
        self.bottom = self.bottoms[-1] + BELOW + CAPTION + 4

    def parts(self) -> Iterator[str]:
        """Yields the drawing from back to front."""
        yield from self._main_path()
        for loop, rise in self.rises.items():
            yield from (
                self._bundle(loop, rise) if loop.kind in ("append", "beside") else self._arc(loop, rise)
            )
        for branch, end, lane in self.lanes:
            yield from self._branch(branch, end, lane)
        yield from self._image()
        for index, step in enumerate(self.steps):
            yield from self._step(index, step)
        for line, middle, names in self.layout.captions:
            for number, name in enumerate(names):
                y = self.bottoms[line] + BELOW + number * CAPTION
                yield svg.text(name, middle, y, faint=number > 0)

    def runs(self, start: tuple[int, float], end: int) -> Iterator[Run]:
        """Yields the stretches of lines from a point (line, and how far along it) to the middle of a step."""
        (first, left), placed = start, self.layout.steps[end]
        for line in range(first, placed.line + 1):
            yield Run(
                line=line,
                left=left if line == first else 1.0,
                right=placed.middle if line == placed.line else svg.WIDTH - 1.0,
                begins=line == first,
                ends=line == placed.line,
            )

    def extent(self, line: int) -> tuple[float, float]:
        """Where a line's drawing begins and ends, from the top."""
        return self.middles[line] - self._above(line), self.bottoms[line]

    def _above(self, line: int) -> float:
        """How far a line's drawing reaches above its middle."""
        rises = (
            rise
            for loop, rise in self.rises.items()
            if self.layout.fork(loop.start)[0] <= line <= self.layout.steps[loop.end].line
        )
        return max([self._tallest(line), *rises]) + 1

    def _below(self, line: int) -> float:
        lanes = (lane + 1 for branch, end, lane in self.lanes if self.layout.steps[end].line == line)
        return self._tallest(line) + LANE * max(lanes, default=0)

    def _tallest(self, line: int) -> float:
        """Half the height of a line's tallest layer."""
        placed = zip(self.steps, self.layout.steps, strict=True)
        heights = [height_of(step) / 2 for step, where in placed if where.line == line]
        return max([*heights, IMAGE_SIDE / 2 if line == 0 else 0])

    def _main_path(self) -> Iterator[str]:
        """Draws the main path; a bundle takes its place where it feeds a layer."""
        bundled = {join for loop in self.rises if loop.kind == "append" for join in loop.joins[:-1]}
        for line, y in enumerate(self.middles):
            here = [index for index, placed in enumerate(self.layout.steps) if placed.line == line]
            left = self.layout.captions[0][1] if line == 0 else 1.0
            for index in here:
                if index in bundled:
                    up, down = self._ports(index)
                    yield svg.line((left, y), (up, y))
                    left = down
            last = self.layout.steps[here[-1]].middle if here else left
            yield svg.line((left, y), (svg.WIDTH - 1.0 if line + 1 < len(self.middles) else last, y))

    def _ports(self, index: int) -> tuple[float, float]:
        """Where a bundle's join goes up and what it feeds comes down."""
        placed = self.layout.steps[index]
        width = placed.right - placed.left
        return placed.left + 0.22 * width, placed.left + 0.82 * width

    def _arc(self, loop: Loop, rise: float) -> Iterator[str]:
        step = self.steps[loop.end]
        dash = marks.DASHED if step.projected else marks.SOLID
        unfollowed = step.kind == "unfollowed"
        radius = self._radius(loop.end)
        drawn = []
        for run in self.runs(self.layout.fork(loop.start), loop.end):
            y = self.middles[run.line]
            drawn.append(
                marks.staple(
                    (run.left, y) if run.begins else None,
                    (run.left, run.right, y - rise),
                    (run.right, y - radius) if run.ends else None,
                    stroke=svg.INK if unfollowed else self.color,
                    stroke_width=1.3,
                    stroke_dasharray=marks.DOTTED if unfollowed else dash,
                )
            )
        yield svg.group(drawn, class_="unfollowed" if unfollowed else "arc")

    def _radius(self, index: int) -> float:
        placed = self.layout.steps[index]
        return min(4.4, 0.42 * (placed.right - placed.left))

    def _bundle(self, loop: Loop, rise: float) -> Iterator[str]:
        """Draws a strand for what is there at first and one a join, and dots where layers read them."""
        apart = loop.thickness / len(loop.joins)
        width = min(1.0, 0.5 * apart)
        ink = {"stroke": self.color, "stroke_width": width}
        yield svg.group(self._strand(self.layout.fork(loop.start), loop.end, rise, ink), class_="carried")
        for number, join in enumerate(loop.joins[:-1], start=1):
            line = self.layout.steps[join].line
            up, down = self._ports(join)
            fed = svg.line((down, self.middles[line] - rise), (down, self.middles[line]), **ink)
            strand = self._strand((line, up), loop.end, rise - number * apart, ink)
            levels = (self.middles[line] - rise + lane * apart for lane in range(number + 1))
            read = (svg.circle(down, level, 0.42 * apart, fill=self.color) for level in levels)
            yield svg.group([*strand, fed, *read], class_="bundle")
        last = self.layout.steps[loop.end]
        x, y = last.middle, self.middles[last.line]
        ends = svg.line((x, y - rise - width / 2), (x, y), stroke=self.color, stroke_width=2.4)
        yield svg.group([ends, svg.circle(x, y, 2.4, fill=self.color)], class_="bundle")

    def _strand(self, start: tuple[int, float], end: int, rise: float, ink: dict[str, Any]) -> Iterator[str]:
        """Draws a strand from the main path up, and along to the bundle's end."""
        for run in self.runs(start, end):
            y = self.middles[run.line]
            yield marks.staple(
                (run.left, y) if run.begins else None, (run.left, run.right, y - rise), None, **ink
            )

    def _branch(self, branch: Branch, end: int, lane: int) -> Iterator[str]:
        """Draws layers beside the main path, in a lane below it; a join among them is a small one."""
        line = self.layout.steps[end].line
        fork, left = self.layout.fork(branch.start)
        left = left if fork == line else 1.0
        right, y = self.layout.steps[end].middle, self.middles[line]
        level = y + self._tallest(line) + LANE * (lane + 1) - LANE_HEIGHT / 2
        joined = bool(self.steps[end].branches and branch in self.steps[end].branches)
        drawn = [
            marks.staple(
                (left, y) if fork == line else None, (left, right, level), (right, y) if joined else None
            )
        ]
        step = (right - left) / (len(branch.calls) + 1)
        width = min(self.layout.unit * 0.62, 0.7 * step)
        for number, kind in enumerate(branch.kinds, start=1):
            drawn.append(self._mark(kind, left + number * step, level, width))
        yield svg.group(drawn, class_="branch")

    def _mark(self, kind: Kind, x: float, y: float, width: float) -> str:
        """Draws a call of a branch."""
        if kind in LAYERS:
            return marks.layer(kind, x, y, width, LANE_HEIGHT)
        if kind == "pool":
            return marks.pool(x, y, width, LANE_HEIGHT, LANE_HEIGHT * 0.6)
        radius = min(3.0, max(width, 2.0))
        drawn = {"shortcut": ("sum", marks.plus), "gate": ("valve", marks.valve)}
        if kind in drawn:
            name, mark = drawn[kind]
            return svg.group([mark(x, y, radius, self.color)], class_=name)
        if kind == "unfollowed":
            return svg.group([marks.unknown(x, y)], class_="unknown")
        bar = svg.line(
            (x, y - LANE_HEIGHT / 2), (x, y + LANE_HEIGHT / 2), stroke=self.color, stroke_width=2.4
        )
        return svg.group([bar], class_="bundle")

    def _image(self) -> Iterator[str]:
        """Draws the input, three planes."""
        x, y, side = self.layout.captions[0][1], self.middles[0], IMAGE_SIDE - 5
        for back in (2.5, 0.0, -2.5):
            left, top = x - side / 2 + back, y - side / 2 - back
            yield svg.rectangle(left, top, side, side, fill=svg.PAPER, stroke=style.INK, stroke_width=0.8)

    def _step(self, index: int, step: Step) -> Iterator[str]:
        """Draws a step on the main path."""
        placed = self.layout.steps[index]
        x, y, width = placed.middle, self.middles[placed.line], placed.right - placed.left
        height = height_of(step)
        if step.kind in LAYERS:
            fill = next(self.fills, None) if step.kind == "conv" else None
            yield marks.layer(step.kind, x, y, 0.64 * width, height, fill)
        elif step.kind == "pool":
            before = height_of(self.steps[index - 1]) if index else IMAGE_SIDE
            yield marks.pool(x, y, 0.62 * width, before, height)
        elif step.kind == "shortcut":
            yield svg.group([marks.plus(x, y, self._radius(index), self.color)], class_="sum")
        elif step.kind == "gate":
            yield svg.group([marks.valve(x, y, min(10.0, 0.74 * width), self.color)], class_="valve")
        elif step.kind == "unfollowed":
            yield svg.group([marks.unknown(x, y)], class_="unknown")
        elif step.laned:
            foot = self._tallest(placed.line)
            yield svg.group(
                [svg.line((x, y - 4), (x, y + foot), stroke=self.color, stroke_width=2.4)], class_="bundle"
            )
