// The maps of a layer on one canvas, in which one chooses a pixel with the pointer or the arrow keys.

import { h } from "./dom.js";
import { bytesOf, drawGrey } from "./pixels.js";

const MOST = 128;
const GAP = 4;

export class MapGrid {
  // `onchoose(filter, row, column)` is told of a pixel.
  constructor(t, onchoose) {
    Object.assign(this, { t, onchoose, at: null });
    this.canvas = h("canvas", { class: "maps-canvas", tabindex: 0, role: "application", onpointerdown: (event) => this.point(event), onkeydown: (event) => this.key(event) });
    this.said = h("p", { class: "reading", role: "status" });
    this.root = h("div", {}, h("div", { class: "scrolled" }, this.canvas), this.said);
  }

  draw({ shape, data, low, high }, layer, words) {
    Object.assign(this, { shape, low, high, words });
    const [channels, height, width] = shape;
    const bytes = bytesOf(data);
    this.shown = Math.min(channels, MOST);
    this.scale = Math.max(1, Math.round((this.shown > 32 ? 64 : 96) / Math.max(height, width)));
    this.columns = Math.max(1, Math.min(this.shown, Math.floor((this.root.clientWidth || 800) / (width * this.scale + GAP))));
    this.canvas.width = this.columns * (width * this.scale + GAP);
    this.canvas.height = Math.ceil(this.shown / this.columns) * (height * this.scale + GAP);
    const context = this.canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    const one = document.createElement("canvas");
    for (let i = 0; i < this.shown; i++) {
      drawGrey(one, bytes.subarray(i * height * width, (i + 1) * height * width), [height, width]);
      const [x, y] = this.corner(i);
      context.drawImage(one, x, y, width * this.scale, height * this.scale);
    }
    this.picture = context.getImageData(0, 0, this.canvas.width, this.canvas.height);
    this.canvas.setAttribute("aria-label", this.t("maps.keys", { shown: this.shown, of: channels, layer: layer.module }));
    if (this.at) this.mark(this.at);
  }

  corner(i) {
    const [, height, width] = this.shape;
    return [(i % this.columns) * (width * this.scale + GAP), Math.floor(i / this.columns) * (height * this.scale + GAP)];
  }

  // Frames the chosen map and its pixel.
  mark({ filter, row, column }) {
    this.at = { filter, row, column };
    if (!this.picture || filter >= this.shown) return;
    const [, height, width] = this.shape;
    const context = this.canvas.getContext("2d");
    context.putImageData(this.picture, 0, 0);
    const [x, y] = this.corner(filter);
    context.strokeStyle = "#0b84d8";
    context.lineWidth = 2;
    context.strokeRect(x + 1, y + 1, width * this.scale - 2, height * this.scale - 2);
    context.strokeStyle = "#d55e00";
    const size = Math.max(this.scale, 5);
    context.strokeRect(x + column * this.scale + (this.scale - size) / 2, y + row * this.scale + (this.scale - size) / 2, size, size);
    const { digits } = this.words;
    this.said.textContent = this.t("maps.at", { filter: filter + 1, of: this.shape[0], row: row + 1, column: column + 1, low: digits(this.low[filter], 3), high: digits(this.high[filter], 3) }) + (this.shape[0] > this.shown ? this.t("maps.first", { shown: this.shown }) : "");
  }

  point(event) {
    if (!this.shape) return;
    const [, height, width] = this.shape;
    const box = this.canvas.getBoundingClientRect();
    const x = (event.clientX - box.left) * (this.canvas.width / box.width);
    const y = (event.clientY - box.top) * (this.canvas.height / box.height);
    const [across, down] = [width * this.scale + GAP, height * this.scale + GAP];
    const filter = Math.floor(y / down) * this.columns + Math.floor(x / across);
    const row = Math.min(height - 1, Math.floor((y % down) / this.scale));
    const column = Math.min(width - 1, Math.floor((x % across) / this.scale));
    if (filter < this.shown) this.onchoose(filter, row, column);
  }

  key(event) {
    const by = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    const turn = { PageDown: 1, PageUp: -1 }[event.key];
    if (!this.at || !(by || turn)) return;
    event.preventDefault();
    const [, height, width] = this.shape;
    const within = (value, most) => Math.max(0, Math.min(most - 1, value));
    const { filter, row, column } = this.at;
    this.onchoose(within(filter + (turn ?? 0), this.shown), within(row + (by?.[0] ?? 0), height), within(column + (by?.[1] ?? 0), width));
  }
}
