// The parts of a network with what can be done to each: a row a block, and a table of what dense layers read. The
// hash holds what is done, as a list of changes that the server knows.

import { h, select, toggle } from "./dom.js";

const FIELDS = { delete: ["block"], reset: ["block"], scale: ["block", "alpha"], gates: ["by"], cut: ["target", "source"] };

export class BlockTable {
  constructor(lab, t) {
    Object.assign(this, { lab, t });
    this.root = h("div", {});
  }

  // What the hash says is done; what it says wrongly is not.
  get changes() {
    try {
      const changes = JSON.parse(this.lab.state.get("do", "[]"));
      return Array.isArray(changes) ? changes.filter((each) => FIELDS[each?.kind]?.every((field) => field in each)) : [];
    } catch {
      return [];
    }
  }

  get spoken() {
    return this.changes.map((change) => this.say(change));
  }

  say({ kind, block, alpha, by, target, source }) {
    return this.t(`said.${kind}`, { block: block ?? this.t("every"), alpha, by: by && this.t(`gates.${by}`), target, source });
  }

  // What is done to a block, if anything is.
  done(block) {
    return this.changes.findLast((each) => each.block === block);
  }

  set(changes) {
    this.lab.state.set({ do: changes.length ? JSON.stringify(changes) : null });
  }

  // Does something to a block instead of what was done to it before; null undoes that.
  put(block, change) {
    const others = this.changes.filter((each) => each.block !== block || each.kind === "cut");
    this.set(change ? [...others, change] : others);
  }

  draw(possible) {
    const { t } = this;
    const focused = this.root.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const blocks = [...new Set([...possible.deleted, ...possible.reset, ...possible.scaled, ...possible.gated])];
    const done = new Map(this.changes.map((each) => [each.block, each]));
    const rows = blocks.map((block) => h("tr", {}, h("th", { scope: "row" }, block), h("td", {}, h("div", { class: "controls" }, this.row(block, possible, done.get(block))))));
    const all = possible.gated.length ? [h("tr", {}, h("th", { scope: "row" }, t("every")), h("td", {}, this.gates(null, done.get(undefined) ?? done.get(null))))] : [];
    const none = h("button", { type: "button", class: "button", disabled: !this.changes.length, onclick: () => this.set([]) }, t("undo"));
    this.root.replaceChildren(
      h("div", { class: "scrolled" }, h("table", { class: "blocks" }, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("block")), h("th", { scope: "col" }, t("done")))), h("tbody", {}, all, rows))),
      Object.keys(possible.cut).length ? this.cuts(possible.cut) : "",
      h("div", { class: "actions" }, none, h("span", { class: "faint" }, this.spoken.join("; "))));
    if (focused) this.root.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  row(block, { deleted, reset, scaled, gated }, done) {
    const { t } = this;
    const parts = [];
    const button = (kind, possible) => possible && parts.push(toggle(t(kind), done?.kind === kind, (now) => this.put(block, now ? { kind, block } : null), { class: "toggle bad", "data-key": `${kind} ${block}`, "aria-label": t(`said.${kind}`, { block }) }));
    button("delete", deleted.includes(block));
    button("reset", reset.includes(block));
    if (scaled.includes(block)) parts.push(this.alpha(block, done));
    if (gated.includes(block)) parts.push(this.gates(block, done));
    return parts;
  }

  alpha(block, done) {
    const value = done?.kind === "scale" ? done.alpha : 1;
    const said = h("output", {}, String(value));
    const slider = h("input", { type: "range", min: 0, max: 1, step: 0.05, value, "data-key": `scale ${block}`, "aria-label": this.t("said.scale", { block, alpha: "α" }),
      oninput: () => { said.textContent = slider.value },
      onchange: () => this.put(block, slider.value === "1" ? null : { kind: "scale", block, alpha: Number(slider.value) }) });
    return h("label", {}, h("span", { class: "faint" }, "α "), slider, " ", said);
  }

  gates(block, done) {
    const chosen = done?.kind === "gates" ? done.by : "";
    const options = ["", "one", "mean", "other"].map((by) => [by, this.t(`gates.${by || "own"}`)]);
    return select(this.t("gates"), options, chosen, (by) => {
      const others = this.changes.filter((each) => each.kind !== "gates" || (block !== null && each.block));
      const rest = block === null ? others : others.filter((each) => each.block !== block);
      this.set(by ? [...rest, { kind: "gates", block, by }] : rest);
    });
  }

  // A row a reading layer, a column a source; a pressed button is a connection that is cut.
  cuts(cut) {
    const { t } = this;
    const sources = [...new Set(Object.values(cut).flat())];
    const isCut = (target, source) => this.changes.some((each) => each.kind === "cut" && each.target === target && each.source === source);
    const change = (target, source, now) => this.set([...this.changes.filter((each) => each.kind !== "cut" || each.target !== target || each.source !== source), ...(now ? [{ kind: "cut", target, source }] : [])]);
    const cell = (target, source) => toggle("", isCut(target, source), (now) => change(target, source, now), { class: "", title: t("cut.title", { target, source }), "aria-label": t("said.cut", { target, source }), "data-key": `cut ${target} ${source}` });
    const number = (source) => sources.indexOf(source) + 1;
    return h("details", { class: "cuts", open: this.changes.some(({ kind }) => kind === "cut") }, h("summary", {}, t("cut")), h("p", { class: "note" }, t("cut.note")),
      h("div", { class: "scrolled" }, h("table", {}, h("thead", {}, h("tr", {}, h("th", {}), sources.map((source) => h("th", { scope: "col", title: source }, String(number(source)))))),
        h("tbody", {}, Object.entries(cut).map(([target, read]) => h("tr", {}, h("th", { scope: "row" }, target), sources.map((source) => h("td", {}, read.includes(source) ? cell(target, source) : ""))))))),
      h("p", { class: "note" }, sources.map((source) => `${number(source)} ${source}`).join(" · ")));
  }
}
