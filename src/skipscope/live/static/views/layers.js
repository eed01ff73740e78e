// Layer by time: one strip a network, its layers from top to bottom and its steps from left to right, and the
// network itself with its layers in the colours of the chosen step.

import { choice, h, parsedSvg, select } from "../dom.js";
import { saves } from "../picture.js";

export const id = "layers";

const KINDS = ["gradient", "update", "dead"];
const REFRESH = 3000;
const ROW = { least: 5, most: 14, height: 260 };

export function show(root, lab) {
  return new Layers(root, lab);
}

// The colour at a share of a scale from little to much.
export function heat(colors, share) {
  const along = Math.min(1, Math.max(0, share)) * (colors.length - 1);
  const below = Math.min(Math.floor(along), colors.length - 2);
  const [a, b] = colors.slice(below, below + 2).map((color) => [1, 3, 5].map((i) => Number.parseInt(color.slice(i, i + 2), 16)));
  return `rgb(${a.map((level, i) => Math.round(level + (along - below) * (b[i] - level))).join(" ")})`;
}

// Puts layers beside the main path, such as those that compute gates, below those on it.
function ordered(strip, main) {
  const onMain = new Set(main);
  const isMain = (i) => onMain.has(strip.modules[i]);
  const order = strip.modules.map((_, i) => i).sort((a, b) => isMain(b) - isMain(a) || a - b);
  const pick = (rows) => order.map((i) => rows[i]);
  return { ...strip, modules: pick(strip.modules), values: pick(strip.values), main: order.filter(isMain).length };
}

class Layers {
  constructor(root, lab) {
    Object.assign(this, { root, lab, t: lab.words.wordsOf(id), strips: new Map(), timer: null });
    this.controls = h("div", { class: "controls" });
    this.note = h("p", { class: "note" });
    this.scale = h("div", { class: "scale" });
    this.list = h("div", { class: "strips" });
    root.append(h("section", { class: "panel", "aria-label": this.t("title") }, this.controls, this.note, this.scale, this.list));
    this.changed();
  }

  leave() {
    clearTimeout(this.timer);
    this.left = true;
  }

  get options() {
    const { state } = this.lab;
    const kind = state.get("strip", "gradient");
    return { kind: KINDS.includes(kind) ? kind : "gradient", seed: state.get("seed", ""), at: state.number("at", 1) };
  }

  changed(keys) {
    if (!keys || keys.has("strip") || keys.has("seed")) {
      this.strips.clear();
      this.list.replaceChildren();
      this.drawControls();
      this.load();
    } else if (keys.has("at")) this.draw();
  }

  update(news) {
    if (news.study) {
      this.changed();
      return;
    }
    if (!news.runs) return;
    const chosen = this.chosen();
    const others = chosen.some(([run]) => !this.strips.has(run));
    const changed = chosen.some(([run, card]) => this.strips.get(run)?.readings !== card.readings);
    if (others) this.loadSoon(0);
    else if (changed && !this.timer) this.loadSoon(REFRESH);
  }

  loadSoon(after) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = null;
      this.load();
    }, after);
  }

  drawControls() {
    const { t, lab: { state, model } } = this;
    const { kind, seed, at } = this.options;
    const seeds = [...new Set(model.runs.map(([, card]) => card.seed))].sort((a, b) => a - b);
    this.slider = h("input", { type: "range", min: 0, max: 1, step: 0.005, value: at, oninput: () => state.set({ at: this.slider.value === "1" ? null : this.slider.value }) });
    this.controls.replaceChildren(
      choice("strip", t("kind"), KINDS.map((each) => [each, t(`kind.${each}`)]), kind, (value) => state.set({ strip: value })),
      select(t("seed"), [["", t("seed.newest")], ...seeds.map((each) => [String(each), String(each)])], seed, (value) => state.set({ seed: value })),
      h("label", { class: "slider" }, h("span", {}, t("at")), this.slider));
    this.note.textContent = t(`note.${kind}`);
  }

  // One run an arm: of the seed that was chosen, else the newest that has readings.
  chosen() {
    const { seed } = this.options;
    return this.lab.model.arms.map(({ runs }) => {
      const known = runs.filter(([, card]) => card.readings && (!seed || String(card.seed) === seed));
      return known.find(([, card]) => card.state === "training") ?? known.at(-1);
    }).filter(Boolean);
  }

  // One at a time: what comes meanwhile is loaded afterwards.
  async load() {
    this.again = Boolean(this.loading);
    if (this.loading) return;
    this.loading = true;
    await this.loadChosen();
    this.loading = false;
    if (this.again && !this.left) this.load();
  }

  async loadChosen() {
    const { kind } = this.options;
    const chosen = this.chosen();
    if (!chosen.length) {
      this.list.replaceChildren(h("p", { class: "note" }, this.t("nothing")));
      return;
    }
    await Promise.all(chosen.map(async ([run, card]) => {
      const known = this.strips.get(run);
      if (known?.readings === card.readings) return;
      try {
        const [table, network] = await Promise.all([
          this.lab.getJson("/layers/table", { run, kind }),
          known?.network ?? this.lab.getJson("/layers/network", { run, lang: this.lab.words.language() })]);
        if (kind === this.options.kind) this.strips.set(run, { ...ordered(table, network.modules), network, readings: card.readings });
      } catch (refused) {
        this.strips.set(run, { problem: refused.message, readings: card.readings });
      }
    }));
    if (this.left) return;
    const now = new Set(chosen.map(([run]) => run));
    for (const run of this.strips.keys()) if (!now.has(run)) this.strips.delete(run);
    this.build(chosen);
    this.draw();
  }

  build(chosen) {
    const kind = JSON.stringify(chosen.map(([run]) => [run, Boolean(this.strips.get(run)?.values), this.strips.get(run)?.problem]));
    if (kind === this.built && this.list.querySelector("figure")) return;
    this.built = kind;
    this.list.replaceChildren(...chosen.map(([run, card]) => {
      const strip = this.strips.get(run);
      const name = `${card.arm} s${card.seed}`;
      if (!strip || strip.problem) return h("figure", { class: "strip" }, h("figcaption", {}, h("h3", {}, name)), h("p", { class: "why" }, strip?.problem ?? ""));
      const canvas = h("canvas", { role: "img", onpointermove: (event) => this.point(run, event), onpointerdown: (event) => this.choose(run, event) });
      const figure = h("figure", { class: "strip", "data-run": run },
        h("figcaption", {}, h("h3", {}, name), saves(this.t, name, { root: () => figure, rows: () => this.rows(run), file: () => `${name.replaceAll(" ", "-")}-${this.options.kind}` })),
        h("div", {}, canvas, h("p", { class: "steps", "aria-hidden": "true" })), parsedSvg(strip.network.svg), h("p", { class: "reading" }));
      return figure;
    }));
  }

  // The ends of the colours, the same for all networks: whole halves of powers of ten, or shares.
  get range() {
    const values = [...this.strips.values()].flatMap((strip) => (strip.values ?? []).flat()).filter((value) => value !== null);
    if (!values.length) return [0, 1];
    const [low, high] = values.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
    if (this.options.kind === "dead") return [0, Math.max(0.1, Math.ceil(high * 10) / 10)];
    return [Math.floor(2 * low) / 2, Math.max(Math.ceil(2 * high) / 2, Math.floor(2 * low) / 2 + 0.5)];
  }

  draw() {
    const { at } = this.options;
    if (this.slider && document.activeElement !== this.slider) this.slider.value = at;
    const range = this.range;
    let colors;
    for (const [run, strip] of this.strips) {
      const figure = this.list.querySelector(`[data-run="${CSS.escape(run)}"]`);
      if (!figure || !strip.steps?.length) {
        figure?.querySelector(".reading")?.replaceChildren(this.t("nothing"));
        continue;
      }
      colors = strip.colors;
      const column = Math.round(at * (strip.steps.length - 1));
      this.paint(figure.querySelector("canvas"), strip, range, column);
      this.colour(figure.querySelector("svg"), strip, range, column);
      const { count } = this.lab.words;
      const marks = [0, 0.25, 0.5, 0.75, 1].map((share) => strip.steps[Math.round(share * (strip.steps.length - 1))]);
      figure.querySelector(".steps").replaceChildren(...marks.map((step, i) => h("span", {}, i ? count(step) : this.t("step", { step: count(step) }))));
      figure.querySelector("canvas").setAttribute("aria-label", this.spoken(run, strip, column));
      figure.querySelector(".reading").textContent = this.spoken(run, strip, column);
    }
    if (colors) this.drawScale(colors, range);
  }

  paint(canvas, strip, [low, high], column) {
    const rows = strip.modules.length;
    const row = Math.min(ROW.most, Math.max(ROW.least, Math.round(ROW.height / rows)));
    const width = Math.max(strip.steps.length, 480);
    const cell = width / strip.steps.length;
    Object.assign(canvas, { width, height: rows * row });
    canvas.style.height = `${rows * row}px`;
    const context = canvas.getContext("2d");
    const beside = strip.main && strip.main < rows ? strip.main : null;
    strip.values.forEach((line, i) => line.forEach((value, k) => {
      context.fillStyle = value === null ? "#8884" : heat(strip.colors, (value - low) / (high - low));
      context.fillRect(Math.floor(k * cell), i * row, Math.ceil(cell), row);
    }));
    if (beside) {
      context.fillStyle = "#d55e00";
      context.fillRect(0, beside * row - 1, width, 2);
    }
    context.strokeStyle = "#d55e00";
    context.lineWidth = 2;
    context.strokeRect(column * cell + 1, 1, Math.max(2, cell - 2), rows * row - 2);
  }

  // Colours the layers on the network's main path; those of branches are in the strip alone. A ReLU is not drawn:
  // its layer has its colour.
  colour(drawing, strip, [low, high], column) {
    const rows = new Map(strip.modules.map((module, i) => [strip.after?.[module] ?? module, i]));
    const layers = [...drawing.querySelectorAll("rect.layer")].filter((layer) => !layer.closest(".branch"));
    layers.forEach((layer, i) => {
      const value = strip.values[rows.get(strip.network.modules[i])]?.[column] ?? null;
      layer.setAttribute("fill", value === null ? "none" : heat(strip.colors, (value - low) / (high - low)));
      layer.setAttribute("stroke", "currentColor");
      layer.setAttribute("stroke-width", "0.5");
    });
  }

  written(strip, value) {
    if (value === null || value === undefined) return "–";
    return strip.log ? this.lab.words.digits(10 ** value, 2) : this.lab.words.percent(value);
  }

  spoken(run, strip, column) {
    const step = this.lab.words.count(strip.steps[column]);
    const ends = [0, (strip.main || strip.modules.length) - 1].map((i) => `${strip.modules[i]} ${this.written(strip, strip.values[i]?.[column])}`);
    return this.t("spoken", { step, first: ends[0], last: ends[1] });
  }

  cellAt(run, event) {
    const strip = this.strips.get(run);
    const box = event.currentTarget.getBoundingClientRect();
    const column = Math.min(strip.steps.length - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * strip.steps.length)));
    const row = Math.min(strip.modules.length - 1, Math.max(0, Math.floor(((event.clientY - box.top) / box.height) * strip.modules.length)));
    return { strip, column, row };
  }

  point(run, event) {
    if (event.buttons) this.choose(run, event);
    const { strip, column, row } = this.cellAt(run, event);
    event.currentTarget.closest("figure").querySelector(".reading").textContent = this.t("pointed", {
      module: strip.modules[row], step: this.lab.words.count(strip.steps[column]), value: this.written(strip, strip.values[row][column]) });
  }

  choose(run, event) {
    const { strip, column } = this.cellAt(run, event);
    const at = strip.steps.length > 1 ? column / (strip.steps.length - 1) : 1;
    this.lab.state.set({ at: at === 1 ? null : at.toFixed(3) });
  }

  drawScale(colors, [low, high]) {
    const bar = h("canvas", { width: 160, height: 12, "aria-hidden": "true" });
    const context = bar.getContext("2d");
    for (let x = 0; x < 160; x++) {
      context.fillStyle = heat(colors, x / 159);
      context.fillRect(x, 0, 1, 12);
    }
    const log = this.options.kind !== "dead";
    const [from, to] = [low, high].map((value) => this.written({ log }, value));
    this.scale.replaceChildren(...[this.t(`kind.${this.options.kind}`), from, bar, to].map((each) => h("span", {}, each)));
  }

  rows(run) {
    const { modules, steps, values, log } = this.strips.get(run);
    const plain = (value) => (value === null || !log ? value : 10 ** value);
    return [["module", "step", "value"], ...modules.flatMap((module, i) => steps.map((step, k) => [module, step, plain(values[i][k])]))];
  }
}
