// Convolution by hand: an image through finished networks, the maps of a layer, one pixel worked out, kernels edited.

import { h, select } from "../dom.js";
import { save } from "../export.js";
import { KernelEditor } from "../kernel_editor.js";
import { bars, Networks } from "../networks.js";
import { Picker } from "../picker.js";
import { WorkedPixel } from "../worked_pixel.js";
import { Confusion } from "../confusion.js";
import { MapGrid } from "../map_grid.js";

export const id = "convolution";

export function show(root, lab) {
  return new Convolution(root, lab);
}

class Convolution {
  constructor(root, lab) {
    Object.assign(this, { root, lab, t: lab.words.wordsOf(id), asked: 0 });
    this.networks = new Networks(lab, this.t);
    this.controls = h("div", { class: "controls" });
    this.picker = new Picker(lab, this.t, { key: "img", run: () => this.networks.chosen.run });
    this.answers = h("div", { class: "answers" });
    this.layer = h("div", { class: "controls" });
    this.grid = new MapGrid(this.t, (filter, row, column) => this.lab.state.set({ px: [filter, row, column].join("-") }));
    this.worked = new WorkedPixel(lab, this.t);
    this.editor = new KernelEditor(lab, this.t);
    this.confusion = new Confusion(lab, this.t);
    this.why = h("p", { class: "why", role: "alert" });
    root.append(this.why, h("p", { class: "note", role: "status" }, this.t("loading")));
    this.begin();
  }

  async begin() {
    try {
      await this.networks.load();
    } catch (refused) {
      this.say(refused);
      return;
    }
    if (this.left) return;
    this.root.lastChild.remove();
    if (!this.networks.list.length) {
      this.root.append(h("p", { class: "panel note" }, this.t("none")));
      return;
    }
    const panel = (key, ...parts) => h("section", { class: `panel panel-${key}`, "aria-label": this.t(key) }, h("h2", {}, this.t(key)), parts);
    this.root.append(
      panel("input", this.controls, this.picker.root),
      panel("answers", this.answers),
      panel("maps", h("p", { class: "note" }, this.t("maps.note")), this.layer, this.grid.root),
      panel("pixel", this.worked.root),
      panel("kernel", this.editor.root),
      panel("confusion", this.confusion.root));
    await this.changed(new Set(["net", "moment", "img", "layer", "px", "edit"]));
  }

  leave() {
    this.left = true;
    this.confusion.leave();
  }

  say(refused) {
    this.why.textContent = refused?.message ?? "";
  }

  // What every question about the network is accompanied by.
  get common() {
    return { run: this.networks.chosen.run, step: this.networks.step, image: this.picker.image, edits: this.editor.edits };
  }

  get chosenLayer() {
    const named = this.lab.state.get("layer");
    return this.layers.find(({ name }) => name === named) ?? this.layers.find(({ kind }) => kind === "conv") ?? this.layers[0];
  }

  get pixel() {
    const [filter, row, column] = this.lab.state.get("px").split("-").map((each) => Number.parseInt(each, 10));
    const [filters, height, width] = this.chosenLayer.shape;
    const within = (value, most, otherwise) => Math.min(Number.isInteger(value) ? value : otherwise, most - 1);
    return { filter: within(filter, filters, 0), row: within(row, height, height >> 1), column: within(column, width, width >> 1) };
  }

  // Asks anew for what depends on the keys that changed; of several questions the last one counts.
  async changed(keys) {
    if (!this.networks.chosen) return;
    const turn = ++this.asked;
    const has = (...names) => names.some((name) => keys.has(name));
    try {
      if (has("net", "moment")) this.controls.replaceChildren(...this.networks.controls());
      this.picker.classes = this.networks.chosen.classes;
      if (has("net") || !this.layers) this.layers = await this.lab.post("/convolution/layers", { run: this.networks.chosen.run });
      if (turn !== this.asked || this.left) return;
      if (has("net", "layer")) this.drawLayer();
      if (has("net", "img")) {
        const { label } = await this.picker.show();
        this.picker.name(label, this.networks.chosen.classes);
      }
      await Promise.all([has("net", "moment", "img", "edit") && this.drawAnswers(turn), has("net", "moment", "img", "edit", "layer") && this.drawMaps(turn), this.drawPixel(turn)]);
      if (has("net", "moment")) this.confusion.of(this.networks.chosen, this.networks.step);
      if (turn === this.asked) this.say(null);
    } catch (refused) {
      if (turn === this.asked) this.say(refused);
    }
  }

  drawLayer() {
    const { t, chosenLayer: { name } } = this;
    const options = this.layers.map((each) => [each.name, `${t(`kind.${each.kind}`)} ${each.module} (${each.shape.join("×")})`]);
    this.layer.replaceChildren(select(t("layer"), options, name, (value) => this.lab.state.set({ layer: value, px: null })),
      h("button", { type: "button", class: "quiet", onclick: () => this.grid.canvas.toBlob((blob) => save(blob, `${this.networks.chosen.run}-maps.png`)) }, "PNG"));
  }

  async drawAnswers(turn) {
    const { t, lab } = this;
    const networks = this.networks.beside;
    const ask = (edits) => lab.post("/convolution/answers", { networks: networks.map(({ run, step }) => ({ run, step })), image: this.picker.image, edits });
    const [now, before] = await Promise.all([ask(this.editor.edits), this.editor.edits.length ? ask([]) : null]);
    if (turn !== this.asked || this.left) return;
    this.answers.replaceChildren(...networks.map((network, i) => {
      const right = this.picker.label >= 0 && now[i].shares.indexOf(Math.max(...now[i].shares)) === this.picker.label;
      const verdict = this.picker.label < 0 ? "" : t(right ? "right" : "wrong");
      return h("article", { class: "answer" }, h("h3", {}, this.networks.label(network), " ", h("span", { class: right ? "good" : "faint" }, verdict)), bars(now[i].shares, network.classes, lab.words, before?.[i].shares));
    }));
  }

  async drawMaps(turn) {
    const maps = await this.lab.post("/convolution/maps", { ...this.common, layer: this.chosenLayer.name });
    if (turn !== this.asked || this.left) return;
    this.grid.draw(maps, this.chosenLayer, this.lab.words);
  }

  async drawPixel(turn) {
    const { chosenLayer: layer, pixel } = this;
    this.grid.mark(pixel);
    if (layer.kind !== "conv") {
      this.worked.none();
      this.editor.none();
      return;
    }
    const asked = { ...this.common, layer: layer.name, filter: pixel.filter };
    const [found, kernel] = await Promise.all([this.lab.post("/convolution/pixel", { ...asked, ...pixel }), this.lab.post("/convolution/kernel", asked)]);
    if (turn !== this.asked || this.left) return;
    this.worked.draw(found, { ...pixel, layer, first: this.layers.indexOf(layer) === 0, bytes: this.picker.bytes });
    const convolutions = this.layers.filter(({ kind }) => kind === "conv");
    this.editor.draw(kernel, { layer: convolutions.indexOf(layer), filter: pixel.filter, run: this.networks.chosen.run, channel: found.channel });
  }
}
