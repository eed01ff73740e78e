// Where each network looks at an image (Grad-CAM), and two images with their gates swapped.

import { h } from "./dom.js";
import { save } from "./export.js";
import { bars } from "./networks.js";
import { Picker } from "./picker.js";
import { drawHeat } from "./pixels.js";

export class Looking {
  constructor(lab, t, networks) {
    Object.assign(this, { lab, t, networks, asked: 0 });
    const words = (key, values) => {
      const own = t(key, values);
      return own === key ? lab.words.wordsOf("convolution")(key, values) : own;
    };
    const picker = (key, otherwise) => new Picker(lab, words, { key, run: () => networks.chosen.run, otherwise });
    this.pickers = [picker("img", 0), picker("img2", 1)];
    this.heats = h("div", { class: "heats" });
    this.pair = h("div", { class: "pair" });
  }

  panels(panel) {
    const { t } = this;
    this.swap = panel("swap", h("p", { class: "note" }, t("swap.note")), this.pickers[1].root, this.pair);
    return [panel("heat", h("p", { class: "note" }, t("heat.note")), this.pickers[0].root, this.heats), this.swap];
  }

  async changed(keys) {
    if (!["net", "moment", "img", "img2"].some((key) => keys.has(key))) return;
    const turn = ++this.asked;
    const { chosen } = this.networks;
    const { classes } = chosen;
    this.swap.hidden = !chosen.gates;
    for (const picker of this.pickers) {
      picker.classes = classes;
      const { label } = await picker.show();
      picker.name(label, classes);
    }
    if (["net", "moment", "img"].some((key) => keys.has(key))) await this.drawHeats(turn);
    if (chosen.gates && turn === this.asked) await this.drawSwap(turn);
  }

  async drawHeats(turn) {
    const { t, lab: { words } } = this;
    const [picker] = this.pickers;
    const networks = this.networks.beside;
    const told = await this.lab.post("/apart/heat", { networks: networks.map(({ run, step }) => ({ run, step })), image: picker.image });
    if (turn !== this.asked) return;
    this.heats.replaceChildren(...told.map(({ shares, heat, module }, i) => {
      const answer = shares.indexOf(Math.max(...shares));
      const name = this.networks.label(networks[i]);
      const said = t("heat.answer", { answer: networks[i].classes[answer], share: words.percent(shares[answer]) });
      const canvas = drawHeat(h("canvas", { role: "img", "aria-label": `${name}: ${said}` }), picker.bytes, heat);
      return h("figure", {}, h("h3", {}, name), canvas, h("figcaption", {}, said, h("br"), h("span", { class: "faint" }, heat ? t("heat.at", { module, side: `${heat.length}×${heat[0].length}` }) : t("heat.none")), " ",
        h("button", { type: "button", class: "quiet", "aria-label": t("save", { name, type: "PNG" }), onclick: () => canvas.toBlob((blob) => save(blob, `${networks[i].run}-grad-cam.png`)) }, "PNG")));
    }));
  }

  async drawSwap(turn) {
    const { t, lab: { words }, pickers } = this;
    const { run, classes } = this.networks.chosen;
    const told = await this.lab.post("/apart/swap", { run, step: this.networks.step, images: pickers.map(({ image }) => image) });
    if (turn !== this.asked) return;
    this.pair.replaceChildren(...pickers.map((picker, i) => h("div", {}, h("h3", {}, t("swap.image", { number: i + 1, label: picker.label < 0 ? "" : classes[picker.label] })),
      h("h4", {}, t("swap.own")), bars(told.own[i], classes, words), h("h4", {}, t("swap.other")), bars(told.swapped[i], classes, words, told.own[i]))));
  }
}
