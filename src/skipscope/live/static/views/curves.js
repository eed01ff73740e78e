// Runs side by side: cards of the runs, and charts of loss, validation, learning rate and speed.

import { band, scaleOf, smoothed } from "../buckets.js";
import { Chart, lightened } from "../chart.js";
import { Cards } from "../cards.js";
import { choice, h, toggle } from "../dom.js";

export const id = "curves";

const SMOOTH = 0.9;
const NAMES = ["loss", "accuracy", "val_loss", "rate", "speed"];
const STEPS = ["loss", "rate"];
const LOSSES = ["loss", "val_loss"]; // charts that a logarithmic axis is meant for

export function show(root, lab) {
  return new Curves(root, lab);
}

class Curves {
  constructor(root, lab) {
    Object.assign(this, { root, lab, t: lab.words.wordsOf(id), near: null, stale: new Set(), drawn: {} });
    const { state } = lab;
    this.cards = new Cards(lab, this.t);
    this.controls = h("div", { class: "controls" });
    this.legend = h("div", { class: "legend", role: "group", "aria-label": this.t("arms") });
    const { digits, percent, count } = lab.words;
    const sync = "curves";
    const onzoom = (range) => this.zoom(range);
    const formats = [digits, percent, digits, digits, count];
    this.charts = NAMES.map((key, i) =>
      new Chart({ title: this.t(`chart.${key}`), name: () => `${lab.model.study?.name ?? "study"}-${key}`, t: this.t, format: formats[i], onzoom, sync }));
    root.append(this.cards.root, h("section", { class: "panel", "aria-label": this.t("charts") }, this.controls, this.legend,
      h("div", { class: "charts" }, this.charts.map((chart) => chart.root))));
    this.chooseValidation();
    this.drawControls();
    this.redraw(NAMES);
    this.loadWindow();
  }

  leave() {
    cancelAnimationFrame(this.frame);
    for (const chart of this.charts) chart.leave();
  }

  changed(keys) {
    if (keys.has("x") || keys.has("from")) this.loadWindow();
    if (keys.has("val")) this.chooseValidation();
    this.drawControls();
    this.redraw([...keys].every((key) => key === "smooth") ? ["loss"] : NAMES);
  }

  // Validation is shown as accuracy or as loss, in one chart.
  chooseValidation() {
    const { val } = this.options;
    const [, accuracy, loss] = this.charts;
    accuracy.root.hidden = val === "loss";
    loss.root.hidden = val !== "loss";
  }

  get options() {
    const { state } = this.lab;
    return {
      x: state.get("x", "step"),
      log: state.get("log") === "1",
      smooth: Math.min(0.99, Math.max(0, state.number("smooth", SMOOTH))),
      seeds: state.get("seeds", "bands"),
      val: state.get("val", "accuracy"),
      hidden: new Set(state.get("without", "").split(",").filter(Boolean)),
      range: state.get("from") === "" ? null : [state.number("from", 0), state.number("to", 1)],
    };
  }

  drawControls() {
    const { t, lab: { state } } = this;
    const { x, log, smooth, seeds, val, range } = this.options;
    if (this.controls.contains(document.activeElement) && this.controls.childElementCount) {
      this.follow?.setAttribute("aria-pressed", String(!range));
      return;
    }
    const slider = h("input", { type: "range", min: 0, max: 0.99, step: 0.01, value: smooth, oninput: () => state.set({ smooth: slider.value }) });
    this.follow = toggle(t("follow"), !range, (now) => (now ? this.zoom(null) : this.stay()), { title: t("follow.hint") });
    this.controls.replaceChildren(
      choice("x", t("x"), ["step", "epoch", "second"].map((each) => [each, t(`x.${each}`)]), x, (value) => state.set({ x: value, from: null, to: null })),
      choice("seeds", t("seeds"), ["bands", "each"].map((each) => [each, t(`seeds.${each}`)]), seeds, (value) => state.set({ seeds: value })),
      choice("val", t("val"), ["accuracy", "loss"].map((each) => [each, t(`val.${each}`)]), val, (value) => state.set({ val: value === "loss" ? value : null })),
      h("label", { class: "slider" }, h("span", {}, t("smooth")), slider),
      toggle(t("log"), log, (now) => state.set({ log: now ? 1 : null })), this.follow);
  }

  drawLegend() {
    const { hidden } = this.options;
    const arms = this.lab.model.arms;
    const kind = JSON.stringify([arms.map(({ arm, runs }) => [arm, runs.length]), [...hidden], this.lab.theme()]);
    if (kind === this.legendKind) return;
    this.legendKind = kind;
    const focused = document.activeElement?.dataset?.arm;
    this.legend.replaceChildren(...arms.map(({ arm, color, dash }) => {
      const button = toggle([swatch(this.colorOf(color), dash), arm], !hidden.has(arm), (shown) => {
        const now = new Set(hidden);
        now[shown ? "delete" : "add"](arm);
        this.lab.state.set({ without: [...now].join(",") });
      }, { "data-arm": arm, class: "arm" });
      return button;
    }));
    if (focused) this.legend.querySelector(`[data-arm="${CSS.escape(focused)}"]`)?.focus();
  }

  colorOf(color) {
    return this.lab.theme() === "dark" ? lightened(color, 0.35) : color;
  }

  // Between two epochs, losses and rates alone are new.
  update(news) {
    const lines = Object.values(news.lines ?? {});
    this.redraw(!news.study && lines.every(({ again, epochs }) => !again && !epochs.length) ? STEPS : NAMES);
  }

  // Draws at most once a frame, however much has come; `names` are the charts that anything of it concerns.
  redraw(names) {
    for (const name of names) this.stale.add(name);
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = null;
      const stale = this.stale;
      this.stale = new Set();
      if (stale.size > 1) {
        this.cards.draw();
        this.drawLegend();
      }
      this.draw(stale);
    });
  }

  draw(names) {
    const options = this.options;
    const shown = this.lab.model.arms.filter(({ arm }) => !options.hidden.has(arm));
    const of = (curve) => shown.flatMap((arm) => this.curvesOf(arm, options, curve));
    const made = {
      loss: (run) => this.lossOf(run, options),
      accuracy: (run) => this.epochsOf(run, (each) => each.val_accuracy),
      val_loss: (run) => this.epochsOf(run, (each) => each.val_loss),
      rate: (run) => ({ x: run.line.step, y: run.line.rate }),
      speed: (run) => speedOf(run),
    };
    for (const name of names) this.drawn[name] = of(made[name]);
    const far = Math.max(...Object.values(this.drawn).flat().map(({ x }) => x.at(-1) ?? 0), 0);
    const range = options.range ?? [0, far];
    const longer = !options.range && !(far >= this.far && far < 1.01 * this.far); // all end at the same step
    if (longer) this.far = far;
    this.charts.forEach((chart, i) => (longer || names.has(NAMES[i])) && !chart.root.hidden && this.drawn[NAMES[i]] && chart.draw(this.drawn[NAMES[i]], { xLabel: this.t(`x.${options.x}`), log: options.log && LOSSES.includes(NAMES[i]), range }));
  }

  // The curves of an arm: one with the seeds' band, or one a seed.
  curvesOf({ arm, color, dash, runs }, { x, seeds }, curve) {
    const drawn = runs.filter(([run]) => this.lab.model.lines[run]?.step.length).map(([run, card]) => {
      const epochs = this.lab.model.epochs[run] ?? [];
      const made = curve({ card, epochs, line: this.lineOf(run) });
      const scale = scaleOf(x, card, epochs);
      const across = made.x.map(scale);
      const keep = across.map((_, i) => i).filter((i) => across[i] !== null);
      const pick = (values) => values && keep.map((i) => values[i]);
      return { label: `${arm} s${card.seed}`, x: pick(across), y: pick(made.y), low: pick(made.low), high: pick(made.high) };
    }).filter((each) => each.x.length);
    const look = { color: this.colorOf(color), dash };
    if (seeds === "each" || drawn.length < 2) return drawn.map((each) => ({ ...each, ...look, label: drawn.length < 2 ? arm : each.label, width: drawn.length > 4 ? 1.1 : 1.8 }));
    return [{ ...band(drawn), ...look, label: arm }];
  }

  lineOf(run) {
    return this.near?.[run]?.step.length ? this.near[run] : this.lab.model.lines[run];
  }

  lossOf({ line }, { smooth }) {
    return { x: line.step, y: smoothed(line, smooth), low: line.low, high: line.high };
  }

  epochsOf({ epochs }, value) {
    return { x: epochs.map((each) => each.step), y: epochs.map(value) };
  }

  zoom(range) {
    this.lab.state.set(range ? { from: Number(range[0].toPrecision(6)), to: Number(range[1].toPrecision(6)) } : { from: null, to: null });
  }

  stay() {
    const plot = this.charts.map((chart) => chart.plot).find(Boolean);
    if (plot) this.zoom([plot.scales.x.min, plot.scales.x.max]);
  }

  // Asks for what lies in the chosen range in detail: the stream sends long lines as buckets.
  async loadWindow() {
    const { x, range } = this.options;
    this.near = null;
    const { model } = this.lab;
    const card = model.runs[0]?.[1];
    if (!range || x === "second" || !card) return;
    const times = x === "epoch" ? card.steps_per_epoch : 1;
    const asked = { study: model.study.name, from: range[0] * times, to: range[1] * times };
    try {
      const near = await this.lab.getJson("/curves/window", asked);
      if (this.options.range?.join() === range.join()) {
        this.near = near;
        this.redraw(NAMES);
      }
    } catch {
      // the buckets that are there are drawn
    }
  }
}

// Images a second of each epoch, validation included, where the epoch ended.
function speedOf({ card, epochs }) {
  const known = epochs.filter((each) => each.seconds !== null);
  const x = known.map((each) => each.step);
  const y = known.map((each, i) => {
    const [step, seconds] = i ? [known[i - 1].step, known[i - 1].seconds] : [0, 0];
    return each.seconds > seconds ? ((each.step - step) * card.batch) / (each.seconds - seconds) : null;
  });
  return { x, y };
}

function swatch(color, dash) {
  const line = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  line.setAttribute("viewBox", "0 0 28 8");
  line.setAttribute("class", "swatch");
  line.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", "M0 4H28");
  path.setAttribute("stroke", color);
  path.setAttribute("stroke-width", "3");
  if (dash?.[1]) path.setAttribute("stroke-dasharray", dash.join(" "));
  line.append(path);
  return line;
}
