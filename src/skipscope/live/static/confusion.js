// The confusion matrix of a network at some moment: measured on validation images when it is asked for.

import { h } from "./dom.js";
import { postLines } from "./lines.js";
import { saves } from "./picture.js";

export class Confusion {
  constructor(lab, t) {
    Object.assign(this, { lab, t, known: new Map() });
    this.button = h("button", { type: "button", class: "button main", onclick: () => this.want() }, t("confusion.measure"));
    this.said = h("p", { class: "reading", role: "status" });
    this.table = h("div", { class: "scrolled" });
    this.root = h("div", {}, h("p", { class: "note" }, t("confusion.note")), h("div", { class: "actions" }, this.button), this.said, this.table);
  }

  leave() {
    this.abort?.abort();
  }

  // Shows the network's matrix; once one was asked for, each later moment is measured at once.
  of(network, step) {
    Object.assign(this, { network, step });
    this.leave();
    const known = this.known.get(`${network.run} ${step}`);
    this.table.replaceChildren();
    this.said.textContent = "";
    if (known) this.draw(known);
    else if (this.lab.state.get("matrix")) this.measure();
  }

  want() {
    if (this.lab.state.get("matrix")) this.measure();
    else this.lab.state.set({ matrix: 1 });
  }

  async measure() {
    const { network, step, t, lab: { words } } = this;
    this.abort = new AbortController();
    try {
      const onprogress = (done, of) => { this.said.textContent = of ? t("measuring", { share: words.percent(done / of) }) : t("loading") };
      const [effect] = await postLines("/apart/measure", { networks: [{ run: network.run, step }] }, { signal: this.abort.signal, onprogress });
      this.known.set(`${network.run} ${step}`, effect.before);
      if (network === this.network && step === this.step) this.draw(effect.before);
    } catch (refused) {
      if (refused.name !== "AbortError") this.said.textContent = refused.message;
    }
  }

  draw({ accuracy, loss, confusion, images, seconds }) {
    const { t, network: { classes }, lab: { words } } = this;
    this.said.textContent = t("confusion.said", { accuracy: words.percent(accuracy), loss: words.digits(loss, 3), images: words.count(images), seconds: words.digits(seconds, 2) });
    const most = Math.max(...confusion.flat());
    const rows = confusion.map((row, i) => h("tr", {}, h("th", { scope: "row" }, classes[i]), row.map((count, k) => {
      const field = h("td", { class: i === k ? "hit" : "", title: t("confusion.cell", { label: classes[i], answer: classes[k], count }) }, String(count));
      field.style.setProperty("--share", String(count / most));
      return field;
    })));
    this.table.replaceChildren(h("table", { class: "confusion-table" }, h("caption", {}, t("confusion.caption")), h("thead", {}, h("tr", {}, h("th", {}), classes.map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, rows)),
      saves(t, t("confusion"), { root: () => this.root, rows: () => [["class", ...classes], ...confusion.map((row, i) => [classes[i], ...row])], file: () => `${this.network.run}-confusion` }));
  }
}
