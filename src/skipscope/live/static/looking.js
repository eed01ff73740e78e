// Where each network looks at an image (Grad-CAM), and two images with their gates swapped.

import { h } from "./dom.js";
import { Latest } from "./latest.js";
import { bars } from "./networks.js";
import { Picker } from "./picker.js";
import { saves } from "./picture.js";
import { drawHeat } from "./pixels.js";

export class Looking {
  constructor(lab, t, networks) {
    Object.assign(this, { lab, t, networks, latest: new Latest() });
    const picker = (key, otherwise) => new Picker(lab, t, { key, run: () => networks.chosen.run, otherwise });
    this.pickers = [picker("img", 0), picker("img2", 1)];
    this.heats = h("div", { class: "heats" });
    this.pair = h("div", { class: "pair" });
  }

  panels(panel) {
    const { t } = this;
    const file = (part) => () => `${this.networks.chosen.run}-${part}`;
    this.swap = panel("swap", saves(t, t("swap"), { root: () => this.pair, rows: () => this.swapRows, file: file("gates-swapped") }),
      h("p", { class: "note" }, t("swap.note")), this.pickers[1].root, this.pair);
    return [panel("heat", saves(t, t("heat"), { root: () => this.heats, rows: () => this.heatRows, file: file("grad-cam") }),
      h("p", { class: "note" }, t("heat.note")), this.pickers[0].root, this.heats), this.swap];
  }

  async load(has) {
    if (!has("net", "img", "img2")) return;
    const { chosen: { classes, gates } } = this.networks;
    this.swap.hidden = !gates;
    for (const picker of this.pickers) {
      picker.classes = classes;
      const { label } = await picker.show();
      picker.name(label, classes);
    }
  }

  async draw(has) {
    if (has("net", "moment", "img")) await this.drawHeats();
    if (this.networks.chosen.gates && has("net", "moment", "img", "img2")) await this.drawSwap();
  }

  async drawHeats() {
    const { t, lab: { words } } = this;
    const [picker] = this.pickers;
    const networks = this.networks.beside;
    const told = await this.latest.of("heat", this.lab.post("/apart/heat", { networks: networks.map(({ run, step }) => ({ run, step })), image: picker.image }));
    if (!told) return;
    this.heats.replaceChildren(...told.map(({ shares, heat, module }, i) => {
      const answer = shares.indexOf(Math.max(...shares));
      const name = this.networks.label(networks[i]);
      const said = t("heat.answer", { answer: networks[i].classes[answer], share: words.percent(shares[answer]) });
      const canvas = drawHeat(h("canvas", { role: "img", "aria-label": `${name}: ${said}` }), picker.bytes, heat);
      return h("figure", {}, h("h3", {}, name), canvas, h("figcaption", {}, said, h("br"), h("span", { class: "faint" }, heat ? t("heat.at", { module, side: `${heat.length}×${heat[0].length}` }) : t("heat.none"))));
    }));
    this.heatRows = [["run", "row", "column", "heat"], ...told.flatMap(({ run, heat }) => (heat ?? []).flatMap((row, r) => row.map((value, c) => [run, r, c, value])))];
  }

  async drawSwap() {
    const { t, lab: { words }, pickers } = this;
    const { run, classes } = this.networks.chosen;
    const told = await this.latest.of("swap", this.lab.post("/apart/swap", { run, step: this.networks.step, images: pickers.map(({ image }) => image) }));
    if (!told) return;
    this.pair.replaceChildren(...pickers.map((picker, i) => h("div", {}, h("h3", {}, t("swap.image", { number: i + 1, label: picker.label < 0 ? "" : classes[picker.label] })),
      h("h4", {}, t("swap.own")), bars(told.own[i], classes, words), h("h4", {}, t("swap.other")), bars(told.swapped[i], classes, words, told.own[i]))));
    const row = (image, gates, shares) => [image + 1, gates, ...shares];
    this.swapRows = [["image", "gates", ...classes], ...pickers.flatMap((_, i) => [row(i, "own", told.own[i]), row(i, "other", told.swapped[i])])];
  }
}
