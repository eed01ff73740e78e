// A chart of curves over x, drawn by uPlot; with keys to read it, words for who does not see it, and its data
// as PNG, SVG and CSV.

import uPlot from "./vendor/uplot/uPlot.esm.js";
import { h } from "./dom.js";
import { pngOf, rowsOf, save, svgOf } from "./export.js";
import { saveCsv } from "./picture.js";

const MARGIN = 0.04;
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Mixes a colour with white, so that it stands out on a dark page.
export function lightened(color, share) {
  const levels = [1, 3, 5].map((i) => Number.parseInt(color.slice(i, i + 2), 16));
  return `#${levels.map((level) => Math.round(level + share * (255 - level)).toString(16).padStart(2, "0")).join("")}`;
}

export class Chart {
  // `words` says what the chart shows; `format` writes a value; `onzoom(low, high)` is told of a chosen range.
  constructor({ title, name, t, format, onzoom, sync }) {
    Object.assign(this, { title, name, t, format, onzoom, sync, curves: [] });
    const button = (kind) => h("button", { type: "button", class: "quiet", onclick: () => this.export(kind), "aria-label": t("save", { name: title, type: kind }) }, kind);
    this.area = h("div", { class: "plot", tabindex: 0, role: "img", onkeydown: (event) => this.key(event) });
    this.reading = h("p", { class: "reading", "aria-live": "polite" });
    this.root = h("figure", { class: "chart" },
      h("figcaption", {}, h("h3", {}, title), h("span", { class: "saves" }, ["PNG", "SVG", "CSV"].map(button))), this.area, this.reading);
    this.observer = new ResizeObserver(() => this.plot?.setSize(this.size()));
    this.observer.observe(this.area);
  }

  leave() {
    this.observer.disconnect();
    this.leavePlot();
  }

  leavePlot() {
    this.plot?.destroy();
    this.plot = null;
    this.kind = null;
    this.reading.textContent = "";
  }

  size() {
    return { width: Math.max(240, this.area.clientWidth), height: Math.max(220, Math.min(380, Math.round(this.area.clientWidth * 0.52))) };
  }

  // Draws curves {label, color, dash, x, y, low, high}; `range` is [low, high] of x, or null for all of it.
  draw(curves, { xLabel, log, range }) {
    const shown = curves.filter(({ x }) => x.length);
    const kind = JSON.stringify([shown.map(({ label, color, dash }) => [label, color, dash]), xLabel, log]);
    Object.assign(this, { curves: shown, xLabel, log, range });
    this.area.setAttribute("aria-label", this.spoken());
    if (!shown.length) {
      this.leavePlot();
      this.area.replaceChildren(h("p", { class: "nothing" }, this.t("nothing")));
      return;
    }
    const data = uPlot.join(shown.map(({ x, y, low, high }) => [x, low ?? y, high ?? y, y]));
    if (kind !== this.kind) {
      this.kind = kind;
      this.plot?.destroy();
      this.area.replaceChildren();
      this.plot = new uPlot(this.options(shown), data, this.area);
    } else this.plot.setData(data, false);
    this.rescale();
  }

  rescale() {
    const xs = this.plot.data[0];
    if (!xs.length) return;
    const [min, max] = this.range ?? [Math.min(0, xs[0]), xs.at(-1)];
    this.plot.batch(() => {
      this.plot.setScale("x", { min, max: max > min ? max : min + 1 });
    });
  }

  options(curves) {
    const axis = { stroke: css("--faint"), grid: { stroke: css("--rule"), width: 1 }, ticks: { stroke: css("--rule"), width: 1 }, font: `12px ${css("--font")}` };
    const series = curves.flatMap(({ label, color, dash, width, faint }) => [
      { show: true, stroke: "transparent", width: 0, points: { show: false }, spanGaps: true },
      { show: true, stroke: "transparent", width: 0, points: { show: false }, spanGaps: true },
      { label, stroke: color, width: width ?? 1.8, dash: dash?.length > 1 && dash[1] ? dash : undefined, alpha: faint ? 0.55 : 1, points: { show: (u, i) => (u.data[i] ?? []).filter((v) => v != null).length < 20, size: 6 }, spanGaps: true },
    ]);
    return {
      ...this.size(),
      scales: { x: { time: false, auto: false }, y: this.log ? { distr: 3, log: 10 } : { range: (_u, min, max) => padded(min, max) } },
      axes: [
        { ...axis, label: this.xLabel, labelFont: axis.font, labelSize: 20, size: 30 },
        { ...axis, size: 58, values: (_u, ticks) => ticks.map((tick) => (tick === null ? "" : this.format(tick))) },
      ],
      series: [{}, ...series],
      bands: curves.map(({ color }, i) => ({ series: [3 * i + 2, 3 * i + 1], fill: `${color}2e` })),
      legend: { show: false },
      cursor: { drag: { x: true, y: false, setScale: false }, sync: { key: this.sync, setSeries: false }, points: { size: 7 } },
      hooks: {
        setSelect: [(u) => {
          if (u.select.width < 4) return;
          const range = [u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x")];
          u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
          this.onzoom?.(range);
        }],
        setCursor: [(u) => this.read(u)],
        ready: [(u) => u.over.addEventListener("dblclick", () => this.onzoom?.(null))],
        drawClear: [(u) => { u.ctx.fillStyle = css("--paper"); u.ctx.fillRect(0, 0, u.ctx.canvas.width, u.ctx.canvas.height) }],
      },
    };
  }

  // Says what the curves are at the cursor.
  read(u) {
    const index = u.cursor.idx;
    if (index === null || index === undefined || !this.curves.length) {
      this.reading.textContent = "";
      return;
    }
    const x = u.data[0][index];
    const parts = this.curves.map((curve) => [curve.label, nearest(curve, x)]).filter(([, y]) => y !== null);
    this.reading.textContent = `${this.xLabel} ${Number(x.toPrecision(6))}: ${parts.map(([label, y]) => `${label} ${this.format(y)}`).join(", ")}`;
  }

  // Says what a person who sees the chart would see first: where the curves are now.
  spoken() {
    const ends = this.curves.map(({ label, x, y }) => {
      const i = y.findLastIndex((value) => value !== null && value !== undefined);
      return i < 0 ? null : this.t("ends", { label, value: this.format(y[i]), x: Number(x[i].toPrecision(6)) });
    });
    return `${this.title}. ${ends.filter(Boolean).join("; ") || this.t("nothing")}. ${this.t("keys")}`;
  }

  key(event) {
    const { plot } = this;
    if (!plot?.data[0].length) return;
    const { min, max } = plot.scales.x;
    const width = max - min;
    const zoomed = { "+": [min + width / 4, max - width / 4], "=": [min + width / 4, max - width / 4], "-": [min - width / 2, max + width / 2] };
    if (event.key === "0") this.onzoom?.(null);
    else if (event.key in zoomed) this.onzoom?.(clamped(zoomed[event.key], plot.data[0]));
    else if (["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) this.step(event.key, event.shiftKey ? 20 : 1);
    else return;
    event.preventDefault();
  }

  step(key, by) {
    const xs = this.plot.data[0];
    const last = xs.length - 1;
    const now = this.plot.cursor.idx ?? (key === "ArrowLeft" ? last + 1 : -1);
    const index = { Home: 0, End: last, ArrowLeft: Math.max(0, now - by), ArrowRight: Math.min(last, now + by) }[key];
    this.plot.setCursor({ left: this.plot.valToPos(xs[index], "x"), top: this.plot.over.clientHeight / 2 });
  }

  export(kind) {
    const name = `${this.name()}.${kind.toLowerCase()}`;
    if (kind === "PNG") save(pngOf(this.plot.ctx.canvas), name);
    else if (kind === "CSV") saveCsv(rowsOf(this.curves, this.xLabel), this.name());
    else save(new Blob([svgOf(this)], { type: "image/svg+xml" }), name);
  }
}

function padded(min, max) {
  if (min === null || max === null) return [0, 1];
  const room = (max - min || Math.abs(max) || 1) * MARGIN;
  return [min >= 0 && min - room < 0 ? 0 : min - room, max + room];
}

function clamped([low, high], xs) {
  const ends = [Math.max(low, Math.min(0, xs[0])), Math.min(high, xs.at(-1))];
  return ends[0] <= Math.min(0, xs[0]) && ends[1] >= xs.at(-1) ? null : ends;
}

function nearest({ x, y }, at) {
  let low = 0;
  let high = x.length - 1;
  if (high < 0 || at > x[high] * 1.02 || at < x[0] - 1) return null;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (x[middle] < at) low = middle + 1;
    else high = middle;
  }
  return y[low] ?? null;
}
