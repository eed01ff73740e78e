// What was measured: accuracy and loss before and after, the plain twin beside, and what was measured earlier.

import { h, svg } from "./dom.js";
import { saves } from "./picture.js";

const MOST = 12;
const ROW = 44;
const WIDTH = 640;

export class Effects {
  constructor(lab, t) {
    Object.assign(this, { lab, t, measured: [] });
    this.now = h("div", { class: "effects" });
    this.earlier = h("div", {});
    this.root = h("div", {}, this.now, this.earlier);
  }

  clear() {
    this.now.replaceChildren();
  }

  add(measurement) {
    this.measured = [measurement, ...this.measured].slice(0, MOST);
    const { t } = this;
    this.now.replaceChildren(
      h("h3", {}, measurement.question, " ", saves(t, t("measurement"), { root: () => this.now, rows: () => rowsOf(this.measured), file: () => "skipscope-apart" })),
      h("div", { class: "scrolled" }, this.table(measurement.effects)), this.drawn(measurement));
    this.earlier.replaceChildren(this.measured.length < 2 ? "" : h("details", {}, h("summary", {}, t("earlier", { count: this.measured.length - 1 })),
      this.measured.slice(1).map(({ question, effects }) => h("div", { class: "scrolled" }, h("p", { class: "note" }, question), this.table(effects)))));
  }

  table(effects) {
    const { t, lab: { words } } = this;
    const heads = ["", "accuracy", "loss", "images", "seconds"].map((key) => h("th", { scope: "col" }, key && t(key)));
    const rows = effects.map(({ label, twin, before, after }) => {
      const points = after && 100 * (after.accuracy - before.accuracy);
      const moved = after ? [h("strong", {}, words.percent(after.accuracy)), ` (${points > 0 ? "+" : points < 0 ? "−" : "±"}${Math.abs(points).toFixed(1)})`] : t("unfit");
      return h("tr", {}, h("th", { scope: "row" }, label, twin ? h("span", { class: "faint" }, ` ${t("twin")}`) : ""),
        h("td", {}, words.percent(before.accuracy), " → ", moved),
        h("td", {}, words.digits(before.loss, 3), " → ", after ? words.digits(after.loss, 3) : "–"),
        h("td", {}, words.count(before.images)), h("td", {}, words.digits((after ?? before).seconds, 2)));
    });
    return h("table", { class: "before-after" }, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, rows));
  }

  // Bars: the outline is the network as it was trained, what is filled is left of its accuracy.
  drawn({ effects }) {
    const height = effects.length * ROW + 24;
    const [left, wide] = [130, WIDTH - 150];
    const spoken = effects.map(({ label, before, after }) => `${label}: ${this.lab.words.percent(before.accuracy)}${after ? ` → ${this.lab.words.percent(after.accuracy)}` : ""}`).join("; ");
    const rows = effects.map(({ label, before, after }, i) => {
      const y = 4 + i * ROW;
      return [svg("text", { x: 0, y: y + 18, fill: "currentColor" }, label),
        svg("rect", { x: left, y: y + 0.5, width: before.accuracy * wide, height: 24, fill: "none", class: "was-bar" }),
        after ? svg("rect", { x: left, y: y + 5, width: after.accuracy * wide, height: 15, fill: "#d55e00" }) : null];
    });
    const marks = [0, 0.25, 0.5, 0.75, 1].map((share) => svg("text", { x: left + share * wide, y: height - 6, "text-anchor": "middle", class: "mark" }, `${100 * share}%`));
    return svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": spoken, class: "effect-bars" }, rows, marks);
  }
}

const HEADS = ["change", "run", "step", "images", "accuracy_before", "accuracy_after", "loss_before", "loss_after"];

const rowsOf = (measured) => [HEADS, ...measured.flatMap(({ question, effects }) => effects.map(({ run, step, before, after }) =>
  [question, run, step, before.images, before.accuracy, after?.accuracy, before.loss, after?.loss]))];
