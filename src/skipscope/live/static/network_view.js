// What the views that look into finished networks have in common: the networks are loaded, panels are shown, and
// each change of the hash asks anew; what goes wrong is said above.

import { h } from "./dom.js";
import { Latest } from "./latest.js";
import { Networks } from "./networks.js";

export class NetworkView {
  // `first(network)` tells whether a network is one that the view would rather begin with.
  constructor(root, lab, id, first) {
    Object.assign(this, { root, lab, t: lab.words.wordsOf(id), turn: 0, wanted: new Set() });
    this.latest = new Latest();
    this.networks = new Networks(lab, this.t, first);
    this.controls = h("div", { class: "controls" });
    this.why = h("p", { class: "why", role: "alert" });
    this.waiting = h("p", { class: "note", role: "status" }, this.t("loading"));
    root.append(this.why, this.waiting);
  }

  // Loads the networks; then shows `panels()`, and asks for everything that depends on one of `keys`.
  async begin(keys) {
    try {
      await Promise.all([this.networks.load(), this.prepare?.()]);
    } catch (refused) {
      this.waiting.hidden = true;
      this.say(refused);
      return;
    }
    if (this.left) return;
    const none = !this.networks.list.length;
    this.waiting.textContent = none ? this.t("none") : "";
    this.waiting.hidden = !none;
    this.keys = keys;
    if (none) return;
    this.root.append(...this.panels());
    this.shown = true;
    await this.changed(new Set(keys));
  }

  // When a run has ended, its network can be chosen.
  async update() {
    const done = this.lab.model.runs.filter(([, card]) => card.state === "done").length;
    const before = this.done;
    this.done = done;
    if (before === undefined || before === done || !this.keys) return;
    if (!this.shown) {
      await this.begin(this.keys);
      return;
    }
    await this.networks.load().catch((refused) => this.say(refused));
    if (!this.left) this.drawControls();
  }

  // Loads by `load(has)` what depends on these keys, then draws by `draw(has)`. Keys that change meanwhile join in.
  async changed(keys) {
    if (!this.networks.chosen) return;
    const turn = ++this.turn;
    for (const key of keys) this.wanted.add(key);
    const { wanted } = this;
    const has = (...names) => names.some((name) => wanted.has(name));
    try {
      await this.load(has);
      if (turn !== this.turn || this.left) return;
      this.wanted = new Set();
      this.say(null);
      await this.draw(has);
    } catch (refused) {
      if (turn !== this.turn || this.left) return;
      this.wanted = new Set();
      this.say(refused);
    }
  }

  drawControls(...more) {
    this.controls.replaceChildren(...this.networks.controls(), ...more);
  }

  // A part of the view with its title, and behind that the buttons that save what it shows.
  panel(key, saves, ...parts) {
    return h("section", { class: `panel panel-${key}`, "aria-label": this.t(key) }, h("div", { class: "titled" }, h("h2", {}, this.t(key)), saves), parts);
  }

  leave() {
    this.left = true;
    this.latest.leave();
  }

  say(refused) {
    this.why.textContent = refused?.message ?? "";
  }
}
