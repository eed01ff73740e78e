// Chooses an image: of the data set, a file of one's own, or drawn by hand. The hash holds it: v17, or p and its pixels.

import { h } from "./dom.js";
import { bytesOf, drawRgb, forUrl, fromUrl, textOf } from "./pixels.js";
import { asked } from "./server.js";

const SIDE = 32;
const COLORS = ["#000000", "#ffffff", "#d62728", "#ff9f1c", "#ffe14d", "#2ca02c", "#3a86c8", "#7b4ab5", "#8c5a3c"];
const LARGEST = 15 * 2 ** 20;
const OWN = /^p[\w-]{4096}$/;
const OF_DATA = /^v\d{1,4}$/;

export class Picker {
  // `key` is the hash's; `run()` names a run whose data set is shown; `otherwise` is the position shown at first.
  constructor(lab, t, { key, run, otherwise = 0 }) {
    Object.assign(this, { lab, t, key, run, otherwise, gallery: null });
    this.canvas = h("canvas", { class: "seen", role: "img" });
    this.said = h("p", { class: "note", role: "status" });
    this.body = h("div", { class: "choosing" });
    const button = (mode) => h("button", { type: "button", class: "button", "data-mode": mode, "aria-expanded": "false", onclick: () => this.open(mode) }, t(`image.${mode}`));
    this.file = h("input", { type: "file", accept: "image/*", hidden: true, "aria-label": t("image.upload"), onchange: () => this.upload() });
    this.root = h("div", { class: "picker" }, this.canvas, h("div", {}, h("div", { class: "actions" }, ["gallery", "upload", "draw"].map(button)), this.file, this.said), this.body);
  }

  get value() {
    const held = this.lab.state.get(this.key);
    return OWN.test(held) || OF_DATA.test(held) ? held : `v${this.otherwise}`;
  }

  // What the server is asked about.
  get image() {
    const { value } = this;
    return value.startsWith("p") ? { pixels: fromUrl(value.slice(1)) } : { position: Number.parseInt(value.slice(1), 10) || 0 };
  }

  // Shows the chosen image; returns its bytes and its class, -1 if nobody knows it.
  async show() {
    const { value } = this;
    const own = value.startsWith("p");
    let label = -1;
    if (own) this.bytes = bytesOf(this.image.pixels);
    else {
      const position = this.image.position;
      const page = await this.page(position - (position % 60));
      const at = position - page.from;
      this.bytes = page.bytes.slice(at * SIDE * SIDE * 3, (at + 1) * SIDE * SIDE * 3);
      label = page.labels[at] ?? -1;
    }
    drawRgb(this.canvas, this.bytes);
    this.label = label;
    return { bytes: this.bytes, label };
  }

  name(label, classes) {
    this.canvas.setAttribute("aria-label", label < 0 ? this.t("image.own") : classes[label]);
    if (!this.notes) this.said.textContent = label < 0 ? this.t("image.own") : this.t("image.of", { label: classes[label] });
    this.notes = false;
  }

  async page(from) {
    const run = this.run();
    if (this.gallery?.from !== from || this.gallery.run !== run) {
      const page = await this.lab.getJson("/convolution/gallery", { run, from });
      this.gallery = { ...page, run, bytes: bytesOf(page.pixels.data) };
    }
    return this.gallery;
  }

  open(mode) {
    for (const each of this.root.querySelectorAll("[data-mode]")) each.setAttribute("aria-expanded", "false");
    const same = this.mode === mode && this.body.childElementCount;
    this.body.replaceChildren();
    this.mode = mode;
    if (mode === "upload") this.file.click();
    else if (!same) {
      this.root.querySelector(`[data-mode=${mode}]`).setAttribute("aria-expanded", "true");
      if (mode === "gallery") this.drawGallery(this.gallery?.from ?? 0);
      else this.drawPad();
    }
  }

  choose(value) {
    this.lab.state.set({ [this.key]: value });
  }

  async drawGallery(from) {
    const page = await this.page(from);
    const { classes } = this;
    const images = page.labels.map((label, i) => {
      const canvas = drawRgb(h("canvas"), page.bytes.slice(i * 3072, (i + 1) * 3072));
      const name = classes?.[label] ?? String(label);
      return h("button", { type: "button", class: "thumb", title: name, "aria-label": `${name}, ${from + i + 1}`, onclick: () => this.choose(`v${from + i}`) }, canvas);
    });
    const turn = (by, key) => h("button", { type: "button", class: "button", disabled: from + by < 0 || from + by >= page.total, onclick: () => this.drawGallery(from + by) }, this.t(key));
    this.body.replaceChildren(h("div", { class: "gallery" }, images), h("p", { class: "actions" }, turn(-60, "image.before"), this.t("image.range", { from: from + 1, to: from + page.labels.length, total: page.total }), turn(60, "image.after")));
  }

  async upload() {
    const [file] = this.file.files;
    this.file.value = "";
    if (!file) return;
    this.notes = true;
    if (file.size > LARGEST) {
      this.said.textContent = this.t("image.large");
      return;
    }
    try {
      const answer = await asked("/convolution/picture", { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: file });
      const { notes, pixels } = await answer.json();
      this.said.textContent = [this.t("image.uploaded"), ...notes.map(this.lab.words.said)].join(" ");
      this.choose(`p${forUrl(pixels.data)}`);
    } catch (refused) {
      this.said.textContent = refused.message;
    }
  }

  // A pad of 32 x 32 pixels on which one draws with pointer or arrow keys.
  drawPad() {
    let color = COLORS[2];
    const pad = h("canvas", { class: "pad", tabindex: 0, role: "application", "aria-label": this.t("pad.keys") });
    pad.width = pad.height = SIDE;
    const context = pad.getContext("2d", { willReadFrequently: true });
    context.fillStyle = COLORS[1];
    context.fillRect(0, 0, SIDE, SIDE);
    const dab = ([x, y]) => {
      context.fillStyle = color;
      context.fillRect(x - 1, y - 1, 3, 3);
    };
    const keep = () => {
      const rgba = context.getImageData(0, 0, SIDE, SIDE).data;
      this.choose(`p${forUrl(textOf(rgba.filter((_, i) => i % 4 < 3)))}`);
    };
    const pixelAt = (event) => {
      const box = pad.getBoundingClientRect();
      return [Math.floor(((event.clientX - box.left) / box.width) * SIDE), Math.floor(((event.clientY - box.top) / box.height) * SIDE)];
    };
    pad.addEventListener("pointerdown", (event) => {
      pad.setPointerCapture(event.pointerId);
      dab(pixelAt(event));
    });
    pad.addEventListener("pointermove", (event) => event.buttons && dab(pixelAt(event)));
    pad.addEventListener("pointerup", keep);
    let at = [16, 16];
    pad.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (by) at = at.map((each, i) => Math.max(0, Math.min(SIDE - 1, each + by[i])));
      else if (event.key !== " ") return;
      event.preventDefault();
      dab(at);
      keep();
    });
    const swatches = COLORS.map((each) => {
      const chip = h("button", { type: "button", class: "chip", "aria-label": this.t("pad.color", { color: each }), "aria-pressed": String(each === color), onclick: () => {
        color = each;
        for (const other of chip.parentElement.querySelectorAll(".chip")) other.setAttribute("aria-pressed", String(other === chip));
      } });
      chip.style.background = each;
      return chip;
    });
    const clear = h("button", { type: "button", class: "button", onclick: () => {
      context.fillStyle = color;
      context.fillRect(0, 0, SIDE, SIDE);
      keep();
    } }, this.t("pad.fill"));
    this.body.replaceChildren(pad, h("div", { class: "chips" }, swatches, clear), h("p", { class: "note" }, this.t("pad.note")));
  }
}
