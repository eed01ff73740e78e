// What was measured: accuracy and loss before and after, the plain twin beside, and what was measured earlier.

import { h } from "./dom.js";
import { cell, save } from "./export.js";

const MOST = 12;
const ROW = 44;
const WIDTH = 640;
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

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
    const button = (kind) => h("button", { type: "button", class: "quiet", "aria-label": t("save", { name: t("measurement"), type: kind }), onclick: () => this.export(kind) }, kind);
    this.canvas = this.drawn(measurement);
    this.now.replaceChildren(h("h3", {}, measurement.question, " ", h("span", { class: "saves" }, ["PNG", "CSV"].map(button))), h("div", { class: "scrolled" }, this.table(measurement.effects)), h("div", { class: "scrolled" }, this.canvas));
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

  drawn({ effects, question }) {
    const canvas = h("canvas", { role: "img", "aria-label": effects.map(({ label, before, after }) => `${label}: ${this.lab.words.percent(before.accuracy)}${after ? ` → ${this.lab.words.percent(after.accuracy)}` : ""}`).join("; ") });
    const height = 30 + effects.length * ROW + 24;
    canvas.width = WIDTH * 2;
    canvas.height = height * 2;
    canvas.style.width = `${WIDTH}px`;
    const context = canvas.getContext("2d");
    context.scale(2, 2);
    context.fillStyle = css("--paper");
    context.fillRect(0, 0, WIDTH, height);
    context.font = `13px ${css("--font")}`;
    context.fillStyle = css("--faint");
    context.fillText(question, 0, 14, WIDTH);
    const [left, wide] = [130, WIDTH - 150];
    effects.forEach(({ label, before, after }, i) => {
      const y = 28 + i * ROW;
      context.fillStyle = css("--ink");
      context.fillText(label, 0, y + 20, left - 8);
      context.strokeStyle = css("--faint");
      context.strokeRect(left + 0.5, y + 4.5, before.accuracy * wide, 24);
      if (after) {
        context.fillStyle = "#d55e00";
        context.fillRect(left, y + 9, after.accuracy * wide, 15);
      }
    });
    context.fillStyle = css("--faint");
    for (const share of [0, 0.25, 0.5, 0.75, 1]) context.fillText(`${100 * share}%`, left + share * wide - (share === 1 ? 26 : 10), height - 6);
    return canvas;
  }

  export(kind) {
    if (kind === "PNG") {
      this.canvas.toBlob((blob) => save(blob, "skipscope-apart.png"));
      return;
    }
    const lines = this.measured.flatMap(({ question, effects }) => effects.map(({ run, step, before, after }) =>
      [cell(question), run, step ?? "", before.images, before.accuracy, after?.accuracy ?? "", before.loss, after?.loss ?? ""].join(",")));
    save(new Blob([`\ufeffchange,run,step,images,accuracy_before,accuracy_after,loss_before,loss_after\r\n${lines.join("\r\n")}\r\n`], { type: "text/csv" }), "skipscope-apart.csv");
  }
}
