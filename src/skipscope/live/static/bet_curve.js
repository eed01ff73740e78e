// Accuracy by alpha in x + alpha f(x): one draws the curve one expects, then it is measured.

import * as bets from "./bets.js";
import { h, select } from "./dom.js";
import { save } from "./export.js";

const ALPHAS = [0, 0.2, 0.4, 0.6, 0.8, 1];
const SIZE = { width: 560, height: 350, left: 52, right: 16, top: 14, bottom: 40 };
const ratio = 2;
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export class BetCurve {
  // `onmeasure({block, alphas})` measures and resolves to the points; `show(points)` draws those that are there.
  constructor(lab, t, onmeasure) {
    Object.assign(this, { lab, t, onmeasure, at: 0, bets: true });
    this.canvas = h("canvas", { class: "curve", tabindex: 0, role: "application", onkeydown: (event) => this.key(event),
      onpointerdown: (event) => {
        this.canvas.setPointerCapture(event.pointerId);
        this.point(event);
      },
      onpointermove: (event) => event.buttons && this.point(event) });
    this.canvas.width = SIZE.width * ratio;
    this.canvas.height = SIZE.height * ratio;
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
    if (!this.blocks.includes(this.block)) this.block = this.blocks[Math.floor(this.blocks.length / 2)];
    const button = (kind) => h("button", { type: "button", class: "quiet", "aria-label": t("save", { name: t("curve"), type: kind }), onclick: () => this.export(kind) }, kind);
    this.controls.replaceChildren(
      select(t("block"), this.blocks.map((each) => [each, each]), this.block, (block) => {
        this.block = block;
        this.fresh();
      }), this.button, h("button", { type: "button", class: "button", onclick: () => this.fresh() }, t("curve.fresh")), h("span", { class: "saves" }, ["PNG", "CSV"].map(button)));
    this.root.replaceChildren(h("p", { class: "note" }, t("curve.note")), this.controls, this.canvas, this.said);
    this.fresh();
  }

  fresh() {
    this.bet = ALPHAS.map(() => null);
    this.measured = [];
    this.said.textContent = "";
    this.enable();
    this.draw();
  }

  get question() {
    return `${this.network.run} ${this.step} ${this.block}`;
  }

  enable() {
    this.button.disabled = this.needed && (this.bet ?? [null]).includes(null);
  }

  place(i, value) {
    const { width, height, left, right, top, bottom } = SIZE;
    return [left + ALPHAS[i] * (width - left - right), height - bottom - value * (height - top - bottom)];
  }

  point(event) {
    const box = this.canvas.getBoundingClientRect();
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
    const context = this.canvas.getContext("2d");
    const { width, height, left, right, bottom } = SIZE;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = css("--paper");
    context.fillRect(0, 0, width, height);
    context.font = `13px ${css("--font")}`;
    context.lineWidth = 1;
    for (const share of [0, 0.25, 0.5, 0.75, 1]) {
      const [x, y] = this.place(0, share);
      context.strokeStyle = css("--rule");
      line(context, [[x, y], [width - right, y]]);
      context.fillStyle = css("--faint");
      context.textAlign = "right";
      context.fillText(`${100 * share}%`, left - 8, y + 4);
    }
    context.textAlign = "center";
    ALPHAS.forEach((alpha, i) => context.fillText(String(alpha), this.place(i, 0)[0], height - bottom + 18));
    context.fillText(this.t("curve.axes"), (left + width - right) / 2, height - 6);
    if (this.measured.length) {
      context.globalAlpha = 0.25;
      for (const curve of bets.curvesOf(this.question)) this.stroke(context, curve, css("--faint"), [4, 4]);
      context.globalAlpha = 1;
    }
    this.stroke(context, this.bet, css("--accent"), [7, 4]);
    this.stroke(context, this.measured.map(({ accuracy }) => accuracy), "#d55e00", []);
    this.canvas.setAttribute("aria-label", `${this.t("curve.keys")} ${this.measured.map(({ alpha, accuracy }) => `α ${alpha}: ${this.lab.words.percent(accuracy)}`).join(", ")}`);
  }

  stroke(context, values, color, dash) {
    const points = values.map((value, i) => (value === null ? null : this.place(i, value))).filter(Boolean);
    context.strokeStyle = context.fillStyle = color;
    context.lineWidth = 2.5;
    context.setLineDash(dash);
    line(context, points);
    context.setLineDash([]);
    for (const [x, y] of points) {
      context.beginPath();
      context.arc(x, y, 4.5, 0, 7);
      context.fill();
    }
  }

  export(kind) {
    const name = `${this.network.run}-${this.block}-alpha.${kind.toLowerCase()}`;
    if (kind === "PNG") this.canvas.toBlob((blob) => save(blob, name));
    else {
      const lines = ALPHAS.map((alpha, i) => [alpha, this.bet[i] ?? "", this.measured[i]?.accuracy ?? "", this.measured[i]?.loss ?? ""].join(","));
      save(new Blob([`\ufeffalpha,bet,accuracy,loss\r\n${lines.join("\r\n")}\r\n`], { type: "text/csv" }), name);
    }
  }
}

function line(context, points) {
  context.beginPath();
  points.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.stroke();
}
