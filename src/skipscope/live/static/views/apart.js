// Networks taken apart: blocks deleted, reset, scaled, gates replaced, sources cut, and what that costs; bets first.

import { BlockTable } from "../block_table.js";
import { BetPanel } from "../bet_panel.js";
import { BetCurve } from "../bet_curve.js";
import { h, toggle } from "../dom.js";
import { Effects } from "../effects.js";
import { postLines } from "../lines.js";
import { Looking } from "../looking.js";
import { NetworkDrawing } from "../network_drawing.js";
import { NetworkView } from "../network_view.js";

export const id = "apart";

const FELL = [0.02, 0.2];

export function show(root, lab) {
  return new Apart(root, lab);
}

class Apart extends NetworkView {
  constructor(root, lab) {
    super(root, lab, id, ({ shortcuts }) => shortcuts);
    this.blocks = new BlockTable(lab, this.t);
    this.drawing = new NetworkDrawing(lab, this.t, this.blocks);
    this.bet = new BetPanel(lab, this.t, () => this.measure());
    this.effects = new Effects(lab, this.t);
    this.curve = new BetCurve(lab, this.t, (points) => this.measureCurve(points));
    this.looking = new Looking(lab, this.t, this.networks);
    this.papers = h("ul", { class: "papers" });
    this.status = h("p", { class: "reading", role: "status" });
    this.stopping = h("button", { type: "button", class: "button", hidden: true, onclick: () => this.abort?.abort() }, this.t("cancel"));
    this.begin(["net", "moment", "do", "img", "img2"]);
  }

  async prepare() {
    this.reports = await this.lab.getJson("/apart/reported");
  }

  panels() {
    return [
      this.panel("changes", null, this.controls, h("p", { class: "note" }, this.t("changes.note")), this.drawing.root, this.blocks.root),
      this.panel("measurement", null, this.bet.root, h("div", { class: "actions" }, this.stopping), this.status, this.effects.root),
      this.panel("curve", null, this.curve.root),
      this.panel("papers", null, this.papers),
      ...this.looking.panels((...parts) => this.panel(...parts))];
  }

  leave() {
    super.leave();
    this.looking.latest.leave();
    this.abort?.abort();
  }

  drawControls() {
    super.drawControls(toggle(this.t("betting"), this.betting, (now) => this.lab.state.set({ bets: now ? null : "0" }), { title: this.t("betting.hint") }));
  }

  async load(has) {
    if (has("net", "moment")) {
      const { chosen } = this.networks;
      this.drawControls();
      const possible = await this.lab.post("/apart/possible", { run: chosen.run });
      await this.drawing.load(chosen, possible);
      this.possible = possible;
    }
    await this.looking.load(has);
  }

  async draw(has) {
    if (has("net", "moment", "curve")) this.curve.of(this.networks.chosen, this.possible, this.networks.step);
    if (has("net", "moment", "do", "click")) this.drawing.draw();
    if (has("net", "moment", "do")) {
      this.blocks.draw(this.possible);
      this.drawPapers();
      this.bet.reset();
    }
    if (has("net", "moment", "do", "bets")) this.offer();
    await this.looking.draw(has);
  }

  get betting() {
    return this.lab.state.get("bets") !== "0";
  }

  // Asks for a bet; without bets, measures at once.
  offer() {
    const { changes } = this.blocks;
    this.abort?.abort();
    this.effects.clear();
    this.status.textContent = "";
    this.curve.bets = this.betting;
    if (!changes.length) this.bet.hide();
    else if (this.betting) {
      this.bet.ask(this.question);
      this.measureUnchanged();
    } else this.measure();
  }

  // Measures the networks as they are while one thinks about the bet: the server remembers that.
  measureUnchanged() {
    const networks = this.asked;
    const key = JSON.stringify(networks);
    if (key === this.measured) return;
    this.measured = key;
    postLines("/apart/measure", { networks }).catch(() => { this.measured = null });
  }

  // Says in a key what is asked, so that bets on the same question are counted together.
  get question() {
    return `${this.networks.label(this.networks.chosen)}${this.t("colon")}${this.blocks.spoken.join("; ")}`;
  }

  get asked() {
    const { chosen, twin, step } = this.networks;
    return [{ run: chosen.run, step }, ...(twin ? [{ run: twin.run, step: this.networks.nearest(twin) }] : [])];
  }

  async run(networks, changes) {
    this.abort?.abort();
    const abort = new AbortController();
    this.abort = abort;
    const began = performance.now();
    this.stopping.hidden = false;
    const onprogress = (done, of) => {
      const seconds = (performance.now() - began) / 1000;
      const left = done ? (seconds * (of - done)) / done : null;
      this.status.textContent = of ? this.t("measuring", { share: this.lab.words.percent(done / of) }) + (seconds > 1 && left !== null ? this.t("left", { time: this.lab.words.duration(left) }) : "") : this.t("loading");
    };
    try {
      return await postLines("/apart/measure", { networks, changes }, { signal: abort.signal, onprogress });
    } catch (refused) {
      if (refused.name === "AbortError") {
        if (this.abort === abort) this.status.textContent = this.t("cancelled");
      } else this.say(refused);
      return null;
    } finally {
      if (this.abort === abort) this.stopping.hidden = true;
    }
  }

  async measure() {
    const found = await this.run(this.asked, this.blocks.changes);
    if (!found || this.left) return;
    this.status.textContent = "";
    const labels = found.map(({ run }) => this.networks.label(this.networks.list.find((each) => each.run === run)));
    this.effects.add({ question: this.question, effects: found.map((effect, i) => ({ ...effect, label: labels[i], twin: i > 0 })) });
    const [{ before, after }] = found;
    if (this.betting && after) this.bet.settle(this.outcomeOf(before, after));
  }

  outcomeOf(before, after) {
    const lost = before.accuracy - after.accuracy;
    const chance = 1 / before.confusion.length;
    if (after.accuracy < chance * 1.5 && lost > FELL[0]) return "chance";
    return lost <= FELL[0] ? "little" : lost <= FELL[1] ? "some" : "much";
  }

  async measureCurve({ block, alphas }) {
    const points = [];
    const { run } = this.networks.chosen;
    for (const alpha of alphas) {
      const found = await this.run([{ run, step: this.networks.step }], [{ kind: "scale", block, alpha }]);
      if (!found) return null;
      points.push({ alpha, ...found[0].after });
      this.curve.show(points);
    }
    this.status.textContent = "";
    return points;
  }

  drawPapers() {
    const language = this.lab.words.language();
    const kinds = new Set(this.blocks.changes.map(({ kind }) => kind));
    const chosen = this.reports.filter(({ changes }) => !kinds.size || changes.some((kind) => kinds.has(kind)));
    this.papers.replaceChildren(...chosen.map(({ source, setting, finding }) =>
      h("li", {}, h("p", {}, finding[language]), h("p", { class: "note" }, `${source}. ${setting[language]}${language === "zh" ? "。" : "."}`))));
  }
}
