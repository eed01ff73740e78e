// Writes a kernel by hand: its numbers or a preset, for one filter or all, in one network or all. The hash holds it.

import { h, select, toggle } from "./dom.js";
import { presetsOf } from "./kernel_presets.js";
import { saves } from "./picture.js";
import { drawSigned, floatsOf, signed } from "./pixels.js";

const TYPED = 11; // rows of a kernel whose numbers can be typed; a larger one is chosen

export class KernelEditor {
  constructor(lab, t) {
    Object.assign(this, { lab, t, everyFilter: false, everyNetwork: true, sameNorm: true });
    this.root = h("div", { class: "editor" });
    this.saves = saves(t, t("kernel"), { root: () => this.root, rows: () => rowsOf(this.every, this.where), file: () => [this.where.run, this.where.module, this.where.filter, "kernels"].join("-") });
  }

  // The edits that the hash holds; what it holds wrongly is none.
  get edits() {
    try {
      const edits = JSON.parse(this.lab.state.get("edit", "[]"));
      return Array.isArray(edits) ? edits : [];
    } catch {
      return [];
    }
  }

  none() {
    this.known = null;
    this.saves.hidden = true;
    this.root.replaceChildren(h("p", { class: "note" }, this.t("pixel.none")));
  }

  draw({ shape, data }, where) {
    const { t, lab: { state } } = this;
    const [channels, height, width] = shape;
    const numbers = floatsOf(data);
    Object.assign(this, { where, known: { shape, data } });
    this.channel = Math.max(-1, Math.min(Math.round(state.number("channel", 0)), channels - 1));
    const every = Array.from({ length: channels }, (_, i) => grid(numbers.subarray(i * height * width, (i + 1) * height * width), width));
    this.every = every;
    this.saves.hidden = false;
    const most = Math.max(...numbers.map(Math.abs));
    const options = [["-1", t("kernel.all")], ...every.map((_, i) => [String(i), String(where.channel + i + 1)])];
    const choose = (channel) => state.set({ channel: channel || null });
    const focused = this.root.contains(document.activeElement) ? document.activeElement.dataset.cell : null;
    this.fields = Math.max(height, width) > TYPED ? [] : every[Math.max(0, this.channel)].map((row, r) => row.map((value, c) => this.field(value, r, c, most)));
    const count = this.edits.length;
    const size = `${height}×${width}`;
    this.root.replaceChildren(
      h("p", { class: "note" }, t("kernel.note", { filter: where.filter + 1, size, layer: where.module })),
      h("div", { class: "controls" },
        select(t("kernel.channel"), options, String(this.channel), (value) => choose(Number(value))),
        toggle(t("kernel.filters"), this.everyFilter, (now) => { this.everyFilter = now }),
        toggle(t("kernel.networks"), this.everyNetwork, (now) => { this.everyNetwork = now }, { title: t("kernel.networks.hint") }),
        toggle(t("kernel.norm"), this.sameNorm, (now) => { this.sameNorm = now }, { title: t("kernel.norm.hint") })),
      h("div", { class: "scrolled" }, tiles(every, most, this.channel, t("kernel.tiles", { channels, filter: where.filter + 1 }), choose)),
      h("div", { class: "kernel-grid" }, this.fields.map((row) => h("div", {}, row))),
      h("div", { class: "actions" }, presetsOf(height, width).map(([name, chosen]) => h("button", { type: "button", class: "button", "data-preset": name, onclick: () => this.write(chosen, { chosen: true }) }, t(`preset.${name}`))),
        h("button", { type: "button", class: "button", disabled: !count, onclick: () => state.set({ edit: null }) }, t("kernel.restore"))),
      h("p", { class: "reading", role: "status" }, count ? t("kernel.edited", { count }) : t("kernel.own")));
    if (focused) this.root.querySelector(`[data-cell="${focused}"]`)?.focus();
  }

  // Shows another channel of the same filter.
  redraw() {
    if (this.known) this.draw(this.known, this.where);
  }

  field(value, r, c, most) {
    const shown = String(Number(value.toPrecision(3)));
    const field = h("input", { type: "number", step: "any", value: shown, "data-exact": value, "data-shown": shown, "data-cell": `${r}-${c}`, "aria-label": this.t("kernel.cell", { row: r + 1, column: c + 1 }), onchange: () => this.write(this.written()) });
    field.style.background = signed(value, most);
    return field;
  }

  written() {
    return this.fields.map((row) => row.map(({ value, dataset }) => Number.parseFloat(value === dataset.shown ? dataset.exact : value) || 0));
  }

  // Adds the kernel to the edits; one of the same filter and channel is replaced.
  write(numbers, { chosen = false } = {}) {
    const { layer, filter, run } = this.where;
    const meant = { layer, filter: this.everyFilter ? null : filter, channel: this.channel < 0 ? null : this.channel, run: this.everyNetwork ? null : run };
    const same = (edit) => Object.keys(meant).every((key) => edit[key] === meant[key]);
    const edits = [...this.edits.filter((edit) => !same(edit)), { ...meant, numbers, same_norm: this.sameNorm && chosen }];
    this.lab.state.set({ edit: JSON.stringify(edits.slice(-64)) });
  }
}

const grid = (numbers, width) => Array.from({ length: numbers.length / width }, (_, r) => Array.from(numbers.subarray(r * width, (r + 1) * width)));

const rowsOf = (every, { channel, filter }) => [["filter", "channel", "row", "column", "weight"], ...every.flatMap((kernel, i) =>
  kernel.flatMap((row, r) => row.map((value, c) => [filter, channel + i, r, c, value])))];

// All kernels of a filter as pictures, one a channel; the chosen one is framed, and a click chooses.
function tiles(kernels, most, chosen, label, onchoose) {
  const [height, width] = [kernels[0].length, kernels[0][0].length];
  const [scale, gap, columns] = [Math.max(3, Math.round(24 / Math.max(height, width))), 4, Math.min(kernels.length, 20)];
  const [across, down] = [width * scale + gap, height * scale + gap];
  const canvas = h("canvas", { class: "tiles", role: "img", "aria-label": label });
  canvas.width = columns * across;
  canvas.height = Math.ceil(kernels.length / columns) * down;
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  const picture = document.createElement("canvas");
  kernels.forEach((kernel, i) => {
    const [x, y] = [(i % columns) * across + gap / 2, Math.floor(i / columns) * down + gap / 2];
    context.drawImage(drawSigned(picture, kernel, most), x, y, width * scale, height * scale);
    context.strokeStyle = i === chosen ? "#d55e00" : "#9aa5b1";
    context.lineWidth = i === chosen ? 3 : 1;
    context.strokeRect(x, y, width * scale, height * scale);
  });
  canvas.addEventListener("click", ({ offsetX, offsetY }) => {
    const i = Math.floor(offsetY / down) * columns + Math.floor(offsetX / across);
    if (i < kernels.length) onchoose(i);
  });
  return canvas;
}
