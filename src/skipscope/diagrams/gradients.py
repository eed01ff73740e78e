"""Draws the loss gradient's norm at every layer as colour: as a picture, and to be moved through on a page.

The page's part is HTML and a script, `gradients.js`; without a script, and on paper, the picture is there.
"""

import json
from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files

from PIL import ImageColor

from skipscope.diagrams import svg
from skipscope.diagrams.layout import laid_out
from skipscope.diagrams.network import Labels
from skipscope.diagrams.row import Row
from skipscope.diagrams.wiring import Wiring, wired
from skipscope.figures import style
from skipscope.figures.rendering import lettering
from skipscope.records.network_card import NetworkCard
from skipscope.records.printed_calls import calls_of
from skipscope.reference.gradients import Gradients

LOW, HIGH = -400, 200
"""Ends of the colours, in hundredths of a decimal logarithm; what lies beyond has the colour of the end."""
TITLE, SCALE = 17.0, 34.0
"""Heights of a panel's title and of the scale of colours."""


def draw_gradients(gradients: Gradients, labels: Labels) -> str:
    """Draws the deepest networks before their first step, without and with shortcuts."""
    depth, y = gradients.depths[-1], 2.0
    parts: list[str] = []
    for kind, key in (("plain", "gradient_without"), ("resnet", "gradient_with")):
        curve = gradients.curves[f"{kind}{depth}"]
        title = labels["gradient_panel"].format(depth=depth, shortcuts=labels[key])
        ratio = labels["gradient_ratio"].format(ratio=written(curve.ratios[0]))
        parts.append(svg.text(title, 1.0, y + 11, anchor="start", bold=True))
        parts.append(svg.text(ratio, svg.WIDTH - 1.0, y + 11, anchor="end"))
        fills = [color_of(value) for value in curve.hundredths[0]]
        row = _row(gradients.cards[depth], labels, y + TITLE, fills, skips=kind == "resnet")
        parts += row.parts()
        y = row.bottom + 12
    parts += _scale(y, labels)
    return svg.picture(parts, y + SCALE)


def color_of(hundredths: int | None) -> str:
    """Chooses the colour of a norm by its logarithm; none where there is none."""
    if hundredths is None:
        return "none"
    along = (min(HIGH, max(LOW, hundredths)) - LOW) / (HIGH - LOW) * (len(style.HEAT) - 1)
    below = min(int(along), len(style.HEAT) - 2)
    ends = (ImageColor.getrgb(color) for color in style.HEAT[below : below + 2])
    return "#" + "".join(f"{round(a + (along - below) * (b - a)):02x}" for a, b in zip(*ends, strict=True))


def written(ratio: float | None) -> str:
    """Writes a ratio with two digits, as the page does: 8,900, 33 or 0.13."""
    if ratio is None:
        return "–"
    if ratio >= 10:
        return f"{float(f'{ratio:.2g}'):,.0f}"
    return f"{ratio:#.2g}"


def _row(card: NetworkCard, labels: Labels, top: float, fills: Sequence[str], *, skips: bool) -> Row:
    """Draws a residual network, or the plain one that is left without its shortcuts."""
    wiring = wired(card)
    if not skips:
        steps = tuple(step for step in wiring.steps if step.kind != "shortcut")
        wiring = Wiring(steps=steps, loose=(), unplaced=0)
    return Row(wiring, laid_out(card, wiring, labels["image"]), top=top, color=svg.INK, fills=fills)


def _scale(y: float, labels: Labels, cells: int = 48) -> Iterator[str]:
    """Draws the scale of colours with its ticks."""
    words = labels["gradient_norm"]
    left = svg.width_of(words) + 14
    width = (svg.WIDTH - 12 - left) / cells
    yield svg.text(words, 1.0, y + 10, anchor="start")
    for cell in range(cells):
        shade = color_of(round(LOW + (HIGH - LOW) * (cell + 0.5) / cells))
        yield svg.rectangle(left + cell * width, y + 2, width + 0.3, 10, fill=shade)
    frame = {"fill": "none", "stroke": svg.INK, "stroke_width": 0.6}
    yield svg.rectangle(left, y + 2, cells * width, 10, **frame)
    for power in range(LOW // 100, HIGH // 100 + 1):
        x = left + cells * width * (100 * power - LOW) / (HIGH - LOW)
        raised = str(power).translate(str.maketrans("-0123456789", lettering.HIGH))
        yield svg.line((x, y + 12), (x, y + 15), stroke_width=0.6)
        yield svg.text(f"10{raised}", x, y + 27)


def data(gradients: Gradients) -> str:
    """Writes what the script needs, as JSON that is safe within a page's script element.

    The networks are drawn once for all languages, with `{image}` in place of that word.
    """
    curves = {
        name: {"hundredths": curve.hundredths, "ratios": curve.ratios}
        for name, curve in gradients.curves.items()
    }
    networks = {depth: _network(card) for depth, card in gradients.cards.items()}
    told = {"colors": style.HEAT, "low": LOW, "high": HIGH, "curves": curves, "networks": networks}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _network(card: NetworkCard) -> str:
    """Draws a residual network whose colours the script sets and whose shortcuts it hides."""
    convolutions = sum(call.kind == "conv" for call in calls_of(card))
    row = _row(card, {"image": "{image}"}, 2.0, [style.HEAT[0]] * convolutions, skips=True)
    return svg.picture(row.parts(), row.bottom)


def script() -> str:
    """Returns the script that moves through the gradients of every such diagram on a page."""
    return (files("skipscope.diagrams") / "gradients.js").read_text(encoding="utf-8")


def stylesheet() -> str:
    """Returns the styles of such diagrams."""
    return (files("skipscope.diagrams") / "gradients.css").read_text(encoding="utf-8")


def interactive(gradients: Gradients, labels: Labels, *, prefix: str) -> str:
    """Returns the diagram as HTML; `prefix` sets its controls apart from those of another language."""
    steps = next(iter(gradients.curves.values())).steps
    depths = [(str(depth), str(depth)) for depth in gradients.depths]
    skips = [("plain", labels["gradient_off"]), ("resnet", labels["gradient_on"])]
    words = {
        "ratio": labels["gradient_sentence"],
        "start": labels["gradient_start"].format(count=gradients.initial_seeds),
        "later": labels["gradient_later"].replace("{count}", str(gradients.seeds)),
        "image": labels["image"],
        "play": labels["gradient_play"],
        "pause": labels["gradient_pause"],
    }
    told = " ".join(f'data-{key}="{escape(text)}"' for key, text in words.items())
    return f"""<div class="gradients" data-steps="{",".join(map(str, steps))}" {told}>
<div class="gradients-still">{draw_gradients(gradients, labels)}</div>
<div class="gradients-live" hidden>
<div class="gradients-controls">
{_choice(f"{prefix}-gradient-depth", labels["gradient_depth"], depths, chosen=len(depths) - 1)}
{_choice(f"{prefix}-gradient-skips", labels["gradient_skips"], skips, chosen=0)}
<label class="gradients-step"><span>{escape(labels["gradient_step"])} <output></output></span>
<input type="range" min="0" max="{len(steps) - 1}" value="0" step="1"></label>
<button type="button">{escape(labels["gradient_play"])}</button>
</div>
<p class="gradients-told" aria-live="polite"></p>
<div class="gradients-networks" role="img" aria-label="{escape(labels["gradient_spoken"])}"></div>
{svg.picture(_scale(0, labels), SCALE)}
</div>
</div>"""


def _choice(name: str, legend: str, options: Sequence[tuple[str, str]], *, chosen: int) -> str:
    """Writes radio buttons with a legend."""
    buttons = "".join(
        f'<label><input type="radio" name="{name}" value="{value}"{" checked" if index == chosen else ""}>'
        f"<span>{escape(words)}</span></label>"
        for index, (value, words) in enumerate(options)
    )
    return f"<fieldset><legend>{escape(legend)}</legend>{buttons}</fieldset>"
