// Accuracy by alpha in x + alpha f(x): one draws the curve one expects, then it is measured.

import * as bets from "./bets.js";
import { h, select, svg } from "./dom.js";
import { saves } from "./picture.js";

const ALPHAS = [0, 0.2, 0.4, 0.6, 0.8, 1];
const SIZE = { width: 560, height: 350, left: 52, right: 16, top: 14, bottom: 40 };

export class BetCurve {
  // `onmeasure({block, alphas})` measures and resolves to the points; `show(points)` draws those that are there.
  constructor(lab, t, onmeasure) {
    Object.assign(this, { lab, t, onmeasure, at: 0, bets: true });
    this.picture = svg("svg", { class: "curve", viewBox: `0 0 ${SIZE.width} ${SIZE.height}`, tabindex: 0, role: "application", onkeydown: (event) => this.key(event),
      onpointerdown: (event) => {
        this.picture.setPointerCapture(event.pointerId);
        this.point(event);
      },
      onpointermove: (event) => event.buttons && this.point(event) });
    this.controls = h("div", { class: "controls" });
    this.said = h("p", { class: "reading", role: "status" });
    this.button = h("button", { type: "button", class: "button main", onclick: () => this.measure() }, t("measure"));
    this.root = h("div", {});
  }

  set bets(on) {
    this.needed = on;
    if (this.button) this.enable();
  }

  of(network, possible, step) {
    const { t } = this;
    Object.assign(this, { network, step, blocks: possible.scaled });
    if (!this.blocks.length) {
      this.root.replaceChildren(h("p", { class: "note" }, t("curve.none")));
      return;
    }
    this.controls.replaceChildren(
      select(t("block"), this.blocks.map((each) => [each, each]), this.block, (block) => this.lab.state.set({ curve: block })), this.button, h("button", { type: "button", class: "button", onclick: () => this.fresh() }, t("curve.fresh")), 
      saves(t, t("curve"), { root: () => this.picture, rows: () => this.rows(), file: () => `${this.network.run}-${this.block}-alpha` }));
    this.root.replaceChildren(h("p", { class: "note" }, t("curve.note")), this.controls, this.picture, this.said);
    this.fresh();
  }

  fresh() {
    this.bet = ALPHAS.map(() => null);
    this.measured = [];
    this.said.textContent = "";
    this.enable();
    this.draw();
  }

  // The block that the hash names, else one in the middle.
  get block() {
    const named = this.lab.state.get("curve");
    return this.blocks.includes(named) ? named : this.blocks[Math.floor(this.blocks.length / 2)];
  }

  get question() {
    return `${this.network.run} ${this.step} ${this.block}`;
  }

  enable() {
    this.button.disabled = this.needed && (this.bet ?? [null]).includes(null);
  }

  spot(i, value) {
    const { width, height, left, right, top, bottom } = SIZE;
    return [left + ALPHAS[i] * (width - left - right), height - bottom - value * (height - top - bottom)];
  }

  point(event) {
    const box = this.picture.getBoundingClientRect();
    const { width, height, left, right, top, bottom } = SIZE;
    const x = ((event.clientX - box.left) / box.width) * width;
    const y = ((event.clientY - box.top) / box.height) * height;
    this.put(Math.round(((x - left) / (width - left - right)) * (ALPHAS.length - 1)), (height - bottom - y) / (height - top - bottom));
  }

  // Sets the bet at one alpha; those that were passed over lie between.
  put(i, value) {
    if (this.measured.length) return;
    const at = Math.max(0, Math.min(ALPHAS.length - 1, i));
    this.bet[at] = Math.max(0, Math.min(1, value));
    const known = this.bet.map((each, k) => k).filter((k) => this.bet[k] !== null);
    for (let k = known[0]; k < known.at(-1); k++)
      if (this.bet[k] === null) {
        const [low, high] = [known.findLast((each) => each < k), known.find((each) => each > k)];
        this.bet[k] = this.bet[low] + ((this.bet[high] - this.bet[low]) * (k - low)) / (high - low);
      }
    this.at = at;
    this.enable();
    this.draw();
    this.said.textContent = this.t("curve.at", { alpha: ALPHAS[at], value: this.lab.words.percent(this.bet[at]) });
  }

  key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const by = { ArrowUp: 0.02, ArrowDown: -0.02, PageUp: 0.1, PageDown: -0.1 }[event.key];
    if (!step && !by) return;
    event.preventDefault();
    const at = Math.max(0, Math.min(ALPHAS.length - 1, this.at + (step ?? 0)));
    this.put(at, (this.bet[at] ?? this.bet[this.at] ?? 0.5) + (by ?? 0));
  }

  async measure() {
    const { question, bet } = this;
    const drawn = !bet.includes(null);
    if (drawn) bets.addCurve(question, bet.map((value) => Number(value.toFixed(3))));
    this.button.disabled = true;
    const points = await this.onmeasure({ block: this.block, alphas: ALPHAS });
    if (!points || question !== this.question) return;
    this.show(points);
    const { percent } = this.lab.words;
    const off = drawn ? points.reduce((sum, { accuracy }, i) => sum + Math.abs(accuracy - bet[i]), 0) / points.length : null;
    this.said.textContent = this.t("curve.said", { first: percent(points[0].accuracy), last: percent(points.at(-1).accuracy) }) + (drawn ? this.t("curve.off", { off: (100 * off).toFixed(1), count: bets.curvesOf(question).length }) : "");
  }

  show(points) {
    this.measured = points;
    this.draw();
  }

  draw() {
    const { width, height, left, right, bottom } = SIZE;
    const { percent } = this.lab.words;
    const rules = [0, 0.25, 0.5, 0.75, 1].map((share) => {
      const [x, y] = this.spot(0, share);
      return [svg("path", { d: `M${x} ${y}H${width - right}`, class: "rule" }), svg("text", { x: left - 8, y: y + 4, "text-anchor": "end" }, `${100 * share}%`)];
    });
    const alphas = ALPHAS.map((alpha, i) => svg("text", { x: this.spot(i, 0)[0], y: height - bottom + 18, "text-anchor": "middle" }, String(alpha)));
    const axes = svg("text", { x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle" }, this.t("curve.axes"));
    const earlier = this.measured.length ? bets.curvesOf(this.question).map((curve) => this.stroke(curve, "earlier")) : [];
    this.picture.replaceChildren(...rules.flat(), ...alphas, axes, ...earlier, this.stroke(this.bet, "expected"), this.stroke(this.measured.map(({ accuracy }) => accuracy), "measured"));
    this.picture.setAttribute("aria-label", `${this.t("curve.keys")} ${this.measured.map(({ alpha, accuracy }) => `α ${alpha}: ${percent(accuracy)}`).join(", ")}`);
  }

  stroke(values, kind) {
    const points = values.map((value, i) => (value === null ? null : this.spot(i, value))).filter(Boolean);
    return svg("g", { class: kind }, svg("polyline", { points: points.map((point) => point.join()).join(" "), fill: "none" }), points.map(([cx, cy]) => svg("circle", { cx, cy, r: 4.5, stroke: "none" })));
  }

  rows() {
    return [["alpha", "bet", "accuracy", "loss"], ...ALPHAS.map((alpha, i) => [alpha, this.bet[i], this.measured[i]?.accuracy, this.measured[i]?.loss])];
  }
}
