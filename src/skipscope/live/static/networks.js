// The finished networks, and the controls with which one chooses a network and the moment of its training.

import { h, select } from "./dom.js";

export class Networks {
  // `first(network)` tells whether a network is one that the view would rather begin with.
  constructor(lab, t, first = () => true) {
    Object.assign(this, { lab, t, first, list: [] });
  }

  async load() {
    this.list = await this.lab.getJson("/convolution/networks", { lang: this.lab.words.language() });
    return this;
  }

  // The network that the hash names, else the first one that suits the view.
  get chosen() {
    const named = this.lab.state.get("net");
    return this.list.find(({ run }) => run === named) ?? this.list.find(this.first) ?? this.list[0];
  }

  get twin() {
    return this.list.find(({ run }) => run === this.chosen?.twin);
  }

  // The step whose weights are shown: a number, or null for the trained network.
  get step() {
    const asked = this.lab.state.get("moment");
    const step = asked === "" ? null : Number(asked);
    return this.chosen?.steps.some((each) => each.step === step) ? step : null;
  }

  // Networks of the same data and seed at about the same moment, the chosen one first.
  get beside() {
    const { chosen } = this;
    const others = this.list.filter((each) => each.run !== chosen.run && each.data.sha256 === chosen.data.sha256 && each.seed === chosen.seed);
    return [{ ...chosen, step: this.step }, ...others.map((each) => ({ ...each, step: this.nearest(each) }))];
  }

  nearest(other) {
    const at = this.chosen.steps.find((each) => each.step === this.step)?.epoch ?? 0;
    if (this.step === null) return null;
    return other.steps.toSorted((a, b) => Math.abs(a.epoch - at) - Math.abs(b.epoch - at))[0].step;
  }

  label({ arm, seed }) {
    const many = new Set(this.list.map((each) => each.seed)).size > 1;
    return many ? `${arm} s${seed}` : arm;
  }

  moment({ step, epoch }) {
    if (step === 0) return this.t("moment.start");
    return step === null ? this.t("moment.end", { epoch }) : this.t("moment.epoch", { epoch: Number(epoch.toFixed(1)) });
  }

  controls() {
    const { t, chosen, lab: { state } } = this;
    const names = this.list.map((each) => [each.run, this.label(each)]);
    const at = chosen.steps.findIndex((each) => each.step === this.step);
    const said = h("output", {}, this.moment(chosen.steps[at]));
    const slider = h("input", { type: "range", min: 0, max: chosen.steps.length - 1, step: 1, value: at, "aria-label": t("moment"), "aria-valuetext": said.textContent,
      oninput: () => {
        said.textContent = this.moment(chosen.steps[slider.value]);
        slider.setAttribute("aria-valuetext", said.textContent);
      },
      onchange: () => state.set({ moment: chosen.steps[slider.value].step ?? "" }) });
    return [
      select(t("network"), names, chosen.run, (run) => state.set({ net: run, moment: null, do: null, layer: null, px: null }, { history: true })),
      h("label", { class: "slider moment" }, h("span", {}, t("moment"), t("colon"), said), slider)];
  }
}

// The classes with the largest shares, as bars; `before` are shares to compare with.
export function bars(shares, classes, words, before = null, most = 3) {
  const order = shares.map((_, i) => i).toSorted((a, b) => shares[b] - shares[a]).slice(0, most);
  return h("ul", { class: "bars" }, order.map((i) => {
    const bar = h("meter", { min: 0, max: 1, value: shares[i] ?? 0, "aria-hidden": "true" });
    const was = before && Math.abs(before[i] - shares[i]) > 0.0005 ? h("span", { class: "was" }, ` (${words.percent(before[i])})`) : null;
    return h("li", {}, h("span", {}, classes[i]), bar, h("span", { class: "share" }, words.percent(shares[i]), was));
  }));
}
