// Writes a kernel by hand: its numbers or a preset, for one filter or all, in one network or all. The hash holds it.

import { h, select, toggle } from "./dom.js";
import { drawSigned, floatsOf, signed } from "./pixels.js";

const PRESETS = {
  sharpen: [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
  blur: [[1, 1, 1], [1, 1, 1], [1, 1, 1]].map((row) => row.map((each) => each / 9)),
  upright: [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
  level: [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
  outline: [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
  same: [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
  zero: [[0, 0, 0], [0, 0, 0], [0, 0, 0]],
};

// A preset in the middle of a kernel as large as the network's; null where it does not fit.
function fitted(name, height, width) {
  const small = height < 3 || width < 3;
  if (small && !["same", "zero"].includes(name)) return null;
  const [top, left] = [height, width].map((side) => (side - 1) >> 1);
  return Array.from({ length: height }, (_, r) => Array.from({ length: width }, (_, c) => PRESETS[name][r - top + 1]?.[c - left + 1] ?? 0));
}

export class KernelEditor {
  constructor(lab, t) {
    Object.assign(this, { lab, t, everyFilter: false, everyNetwork: true, sameNorm: true, channel: 0 });
    this.root = h("div", { class: "editor" });
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
    this.root.replaceChildren(h("p", { class: "note" }, this.t("pixel.none")));
  }

  draw({ shape, data }, where) {
    const [channels, height, width] = shape;
    const numbers = floatsOf(data);
    if (where.filter !== this.where?.filter || where.layer !== this.where?.layer) this.channel = 0;
    Object.assign(this, { where, height, width });
    this.channel = Math.min(this.channel, channels - 1);
    const one = (channel) => Array.from({ length: height }, (_, r) => Array.from(numbers.subarray((channel * height + r) * width, (channel * height + r + 1) * width)));
    const { t } = this;
    const options = [["-1", t("kernel.all")], ...Array.from({ length: channels }, (_, i) => [String(i), String(where.channel + i + 1)])];
    const focused = this.root.contains(document.activeElement) ? document.activeElement.dataset.cell : null;
    this.fields = one(Math.max(0, this.channel)).map((row, r) => row.map((value, c) => {
      const shown = String(Number(value.toPrecision(3)));
      const field = h("input", { type: "number", step: "any", value: shown, "data-exact": value, "data-shown": shown, "data-cell": `${r}-${c}`, "aria-label": t("kernel.cell", { row: r + 1, column: c + 1 }), onchange: () => this.write(this.written()) });
      field.style.background = signed(value, Math.max(...numbers.map(Math.abs)));
      return field;
    }));
    const every = Array.from({ length: channels }, (_, i) => one(i));
    const choose = (value) => {
      this.channel = value;
      this.draw({ shape, data }, where);
    };
    const presets = Object.keys(PRESETS).map((name) => [name, fitted(name, height, width)]).filter(([, numbers]) => numbers);
    const count = this.edits.length;
    this.root.replaceChildren(
      h("p", { class: "note" }, t("kernel.note", { filter: where.filter + 1 })),
      h("div", { class: "controls" },
        select(t("kernel.channel"), options, String(this.channel), (value) => choose(Number(value))),
        toggle(t("kernel.filters"), this.everyFilter, (now) => { this.everyFilter = now }),
        toggle(t("kernel.networks"), this.everyNetwork, (now) => { this.everyNetwork = now }),
        toggle(t("kernel.norm"), this.sameNorm, (now) => { this.sameNorm = now }, { title: t("kernel.norm.hint") })),
      h("div", { class: "scrolled" }, tiles(every, Math.max(...numbers.map(Math.abs)), this.channel, t("kernel.tiles", { channels, filter: where.filter + 1 }), choose)),
      h("div", { class: "kernel-grid" }, this.fields.map((row) => h("div", {}, row))),
      h("div", { class: "actions" }, presets.map(([name, numbers]) => h("button", { type: "button", class: "button", "data-preset": name, onclick: () => this.write(numbers, { chosen: true }) }, t(`preset.${name}`))),
        h("button", { type: "button", class: "button", disabled: !count, onclick: () => this.lab.state.set({ edit: null }) }, t("kernel.restore"))),
      h("p", { class: "reading", role: "status" }, count ? t("kernel.edited", { count }) : t("kernel.own")));
    if (focused) this.root.querySelector(`[data-cell="${focused}"]`)?.focus();
  }

  written() {
    return this.fields.map((row) => row.map(({ value, dataset }) => Number.parseFloat(value === dataset.shown ? dataset.exact : value) || 0));
  }

  // Adds the kernel to the edits; one of the same place is replaced.
  write(numbers, { chosen = false } = {}) {
    const { layer, filter, run } = this.where;
    const place = { layer, filter: this.everyFilter ? null : filter, channel: this.channel < 0 ? null : this.channel, run: this.everyNetwork ? null : run };
    const same = (edit) => Object.keys(place).every((key) => edit[key] === place[key]);
    const edits = [...this.edits.filter((edit) => !same(edit)), { ...place, numbers, same_norm: this.sameNorm && chosen }];
    this.lab.state.set({ edit: JSON.stringify(edits.slice(-64)) });
  }
}

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
