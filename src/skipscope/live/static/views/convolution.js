// Convolution by hand: an image through finished networks, the maps of a layer, one pixel worked out, kernels edited.

import { Confusion } from "../confusion.js";
import { h, select } from "../dom.js";
import { KernelEditor } from "../kernel_editor.js";
import { MapGrid } from "../map_grid.js";
import { NetworkView } from "../network_view.js";
import { bars } from "../networks.js";
import { Picker } from "../picker.js";
import { saves } from "../picture.js";
import { floatsOf } from "../pixels.js";
import { WorkedPixel } from "../worked_pixel.js";

export const id = "convolution";

export function show(root, lab) {
  return new Convolution(root, lab);
}

class Convolution extends NetworkView {
  constructor(root, lab) {
    super(root, lab, id);
    this.picker = new Picker(lab, this.t, { key: "img", run: () => this.networks.chosen.run });
    this.answers = h("div", { class: "answers" });
    this.layer = h("div", { class: "controls" });
    this.grid = new MapGrid(this.t, (filter, row, column) => this.lab.state.set({ px: [filter, row, column].join("-") }));
    this.worked = new WorkedPixel(lab, this.t);
    this.editor = new KernelEditor(lab, this.t);
    this.confusion = new Confusion(lab, this.t);
    this.begin(["net", "moment", "img", "layer", "px", "edit", "matrix"]);
  }

  panels() {
    const { t } = this;
    const named = (part) => `${this.networks.chosen.run}-${part}`;
    return [
      this.panel("input", null, this.controls, this.picker.root),
      this.panel("answers", saves(t, t("answers"), { root: () => this.answers, rows: () => this.answerRows(), file: () => named("answers") }), this.answers),
      this.panel("maps", saves(t, t("maps"), { root: () => this.grid.root, rows: () => this.mapRows(), file: () => named(`${this.chosenLayer.module}-maps`) }), h("p", { class: "note" }, t("maps.note")), this.layer, this.grid.root),
      this.panel("kernel", this.editor.saves, this.editor.root),
      this.panel("pixel", this.worked.saves, this.worked.root),
      this.panel("confusion", null, this.confusion.root)];
  }

  leave() {
    super.leave();
    this.confusion.leave();
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

  async load(has) {
    if (has("net", "moment")) this.drawControls();
    const { chosen } = this.networks;
    if (has("net") || !this.layers) this.layers = await this.lab.post("/convolution/layers", { run: chosen.run });
    if (has("net", "img")) {
      this.picker.classes = chosen.classes;
      const { label } = await this.picker.show();
      this.picker.name(label, chosen.classes);
    }
  }

  async draw(has) {
    const all = ["net", "moment", "img", "edit"];
    if (has("channel")) this.editor.redraw();
    if (has("net", "layer")) this.drawLayer();
    await Promise.all([has(...all) && this.drawAnswers(), has(...all, "layer") && this.drawMaps(), has(...all, "layer", "px") && this.drawPixel()]);
    if (has("net", "moment", "matrix")) this.confusion.of(this.networks.chosen, this.networks.step);
  }

  drawLayer() {
    const { t, chosenLayer: { name } } = this;
    const options = this.layers.map((each) => [each.name, `${t(`kind.${each.kind}`)} ${each.module} (${each.shape.join("×")})`]);
    this.layer.replaceChildren(select(t("layer"), options, name, (value) => this.lab.state.set({ layer: value, px: null })));
  }

  async drawAnswers() {
    const { t, lab, picker: { label } } = this;
    const networks = this.networks.beside;
    const ask = (edits) => lab.post("/convolution/answers", { networks: networks.map(({ run, step }) => ({ run, step })), image: this.picker.image, edits });
    const answers = await this.latest.of("answers", Promise.all([ask(this.editor.edits), this.editor.edits.length ? ask([]) : null]));
    if (!answers) return;
    const [now, before] = answers;
    this.answered = { networks, now };
    this.answers.replaceChildren(...networks.map((network, i) => {
      const right = label >= 0 && now[i].shares.indexOf(Math.max(...now[i].shares)) === label;
      const verdict = label < 0 ? "" : t(right ? "right" : "wrong");
      return h("article", { class: "answer" }, h("h3", {}, this.networks.label(network), " ", h("span", { class: right ? "good" : "faint" }, verdict)), bars(now[i].shares, network.classes, lab.words, before?.[i].shares));
    }));
  }

  answerRows() {
    const { networks, now } = this.answered;
    return [["run", "step", ...networks[0].classes], ...networks.map(({ run, step }, i) => [run, step ?? "", ...now[i].shares])];
  }

  async drawMaps() {
    const { chosenLayer: layer } = this;
    const maps = await this.latest.of("maps", this.lab.post("/convolution/maps", { ...this.common, layer: layer.name }));
    if (maps) this.grid.draw(maps, layer, this.lab.words);
  }

  // The exact numbers of the chosen map.
  async mapRows() {
    const { filter } = this.pixel;
    const { shape: [, width], data } = await this.lab.post("/convolution/map", { ...this.common, layer: this.chosenLayer.name, filter });
    return [["map", "row", "column", "value"], ...Array.from(floatsOf(data), (value, i) => [filter, Math.floor(i / width), i % width, value])];
  }

  async drawPixel() {
    const { chosenLayer: layer, pixel } = this;
    this.grid.mark(pixel);
    if (layer.kind !== "conv") {
      this.worked.none();
      this.editor.none();
      return;
    }
    const asked = { ...this.common, layer: layer.name, filter: pixel.filter };
    const answers = await this.latest.of("pixel", Promise.all([this.lab.post("/convolution/pixel", { ...asked, ...pixel }), this.lab.post("/convolution/kernel", asked)]));
    if (!answers) return;
    const [found, kernel] = answers;
    this.worked.draw(found, { ...pixel, layer, first: this.layers.indexOf(layer) === 0, bytes: this.picker.bytes });
    const convolutions = this.layers.filter(({ kind }) => kind === "conv");
    this.editor.draw(kernel, { layer: convolutions.indexOf(layer), module: layer.module, filter: pixel.filter, run: this.networks.chosen.run, channel: found.channel });
  }
}
