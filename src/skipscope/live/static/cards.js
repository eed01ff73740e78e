// A card for each run that is at work, failed or next; the others in a table that is opened.

import { h } from "./dom.js";
import { saves } from "./picture.js";

const NEXT = 4;
const ORDER = ["failed", "damaged", "training", "stopped", "queued", "done"];

export class Cards {
  constructor(lab, t) {
    Object.assign(this, { lab, t });
    this.lead = h("p", { class: "lead" });
    this.actions = h("div", { class: "actions" });
    this.told = h("p", { class: "why", role: "status" });
    this.grid = h("ul", { class: "cards" });
    this.body = h("tbody");
    const titles = ["run", "state", "step", "validation", "test", "time"].map((key) => h("th", { scope: "col" }, t(`column.${key}`)));
    this.all = h("details", {}, h("summary", {}, t("all")), h("div", { class: "scrolled", tabindex: 0, role: "group", "aria-label": t("all") }, h("table", {}, h("thead", {}, h("tr", {}, titles)), this.body)));
    this.root = h("section", { class: "panel runs", "aria-label": t("runs") },
      h("div", { class: "leading" }, this.lead, this.actions), this.told, this.grid, this.all,
      saves(t, t("runs"), { root: () => this.root, rows: () => this.table(), file: () => `${lab.model.study?.name ?? "study"}-runs` }));
    if (lab.state.get("runs") === "all") this.all.open = this.opened = true;
    this.all.querySelector("summary").addEventListener("click", () => lab.state.set({ runs: this.all.open ? null : "all" }));
    this.all.addEventListener("toggle", () => this.draw());
  }

  draw() {
    const runs = this.lab.model.runs;
    const of = (...states) => runs.filter(([, card]) => states.includes(card.state));
    const queued = this.inOrder(of("queued", "stopped"));
    this.lead.textContent = this.summary(runs, queued);
    const shown = [...of("failed", "damaged"), ...of("training"), ...queued.slice(0, this.lab.model.works ? NEXT : 2)];
    this.grid.replaceChildren(...shown.map(([id, card]) => this.card(id, card, queued.findIndex(([each]) => each === id))));
    this.all.hidden = !runs.length;
    if (!this.opened && runs.length && runs.length <= NEXT && runs.every(([, card]) => card.state === "done")) this.all.open = this.opened = true;
    this.drawActions(of("queued", "stopped", "failed").length > 0);
    if (this.all.open) this.body.replaceChildren(...this.rows(runs));
  }

  // The order of the engine: all arms of a seed, the longest first, then the next. Without known times, the study's.
  inOrder(queued) {
    const times = new Map(queued.map(([id, card]) => [id, this.secondsAStep(card.arm)]));
    this.ordered = [...times.values()].every((each) => each !== null);
    const left = ([id, card]) => (times.get(id) ?? 0) * (card.steps - card.step);
    return this.ordered ? queued.toSorted((a, b) => a[1].seed - b[1].seed || left(b) - left(a)) : queued;
  }

  // What can be done now: stop what trains, as Ctrl-C does, or go on with the study.
  drawActions(unfinished) {
    const { t, lab: { model } } = this;
    const kind = JSON.stringify([model.works, model.stopping, model.child, model.study?.name, unfinished]);
    if (kind === this.actionsKind) return;
    this.actionsKind = kind;
    const button = (words, main, act) => h("button", { type: "button", class: `button ${main}`, onclick: (event) => this.act(event.currentTarget, act) }, words);
    const stop = () => this.lab.post("/curves/stop");
    const goOn = () => this.lab.post("/curves/continue", { study: model.study.name });
    const buttons = [];
    if (model.works) buttons.push(button(t(model.stopping ? "stopping" : "stop"), "", stop));
    else if (unfinished && model.study) buttons.push(button(t("continue"), "main", goOn));
    const words = model.works ? h("span", { class: "holder" }, model.holder) : unfinished ? h("code", {}, model.study?.command ?? "") : null;
    this.actions.replaceChildren(...[words, ...buttons].filter(Boolean));
    if (model.child?.ended) this.told.textContent = `${t("ended")}\n${model.child.said}`;
    else if (!model.stopping) this.told.textContent = "";
  }

  async act(button, act) {
    button.disabled = true;
    this.told.textContent = "";
    try {
      await act();
    } catch (refused) {
      this.told.textContent = refused.message;
    }
    setTimeout(() => { button.disabled = false; }, 1500);
  }

  summary(runs, queued) {
    const { t } = this;
    if (!runs.length) return t("none");
    const counts = ORDER.map((state) => [state, runs.filter(([, card]) => card.state === state).length]).filter(([, count]) => count);
    const left = this.left(queued);
    const told = counts.map(([state, count]) => t(`count.${state}`, { count })).join(t("comma"));
    return left === null ? told : `${told}${t("comma")}${t("left.all", { time: this.lab.words.duration(left) })}`;
  }

  // Estimates the rest of the study: what trains goes on as it does; what waits takes as long as its arm has.
  left(queued) {
    const training = this.lab.model.runs.filter(([, card]) => card.state === "training");
    if (!training.length || training.some(([, card]) => !card.pace)) return null;
    const now = training.reduce((sum, [, card]) => sum + (card.steps - card.step) / card.pace, 0);
    let rest = 0;
    for (const [, card] of queued) {
      const seconds = this.secondsAStep(card.arm);
      if (seconds === null) return null;
      rest += (card.steps - card.step) * seconds;
    }
    return (now + rest) / training.length;
  }

  secondsAStep(arm) {
    const runs = this.lab.model.runs.filter(([, card]) => card.arm === arm);
    const paced = runs.find(([, card]) => card.pace);
    if (paced) return 1 / paced[1].pace;
    const ended = runs.find(([, card]) => card.state === "done" && card.seconds);
    return ended ? ended[1].seconds / ended[1].steps : null;
  }

  card(id, card, waiting) {
    const { t } = this;
    const { count, duration, percent, said } = this.lab.words;
    const share = card.steps ? card.step / card.steps : 0;
    const name = `${card.arm} s${card.seed}`;
    const rows = [];
    const row = (key, value) => rows.push(h("dt", {}, t(key)), h("dd", {}, value));
    if (card.step) row("epoch", `${Math.min(card.epochs, Math.floor(card.step / card.steps_per_epoch) + 1)} / ${card.epochs}`);
    if (card.val_accuracy !== null) row("validation", percent(card.val_accuracy));
    if (card.pace) row("speed", `${count(card.pace * card.batch)} ${t("images")}`);
    if (card.pace) row("left", duration((card.steps - card.step) / card.pace));
    const state = card.state === "queued" && this.ordered ? t("state.waiting", { number: waiting + 1 }) : t(`state.${card.state}`);
    return h("li", { class: `card ${card.state}` },
      h("h3", {}, name, h("span", { class: "state" }, state)),
      h("progress", { max: 1, value: share, "aria-label": t("progress", { name, step: count(card.step), steps: count(card.steps) }) }),
      h("dl", {}, rows),
      said(card.why) ? h("p", { class: "why" }, said(card.why)) : null,
      said(card.hint) ? h("p", { class: "hint" }, said(card.hint)) : null,
      card.unreadable ? h("p", { class: "why" }, t("unreadable", { count: card.unreadable })) : null,
      h("p", { class: "id" }, id));
  }

  table() {
    const fields = ["arm", "seed", "network", "params", "state", "step", "steps", "epochs", "batch", "val_accuracy", "test_accuracy", "seconds"];
    return [["run", ...fields, "why"], ...this.lab.model.runs.map(([id, card]) => [id, ...fields.map((field) => card[field]), this.lab.words.said(card.why)])];
  }

  rows(runs) {
    const { t } = this;
    const { count, percent, duration } = this.lab.words;
    return runs.map(([, card]) => h("tr", {},
      h("th", { scope: "row" }, `${card.arm} s${card.seed}`), h("td", {}, t(`state.${card.state}`)), h("td", {}, `${count(card.step)} / ${count(card.steps)}`),
      h("td", {}, percent(card.val_accuracy)), h("td", {}, percent(card.test_accuracy)), h("td", {}, duration(card.seconds))));
  }
}
