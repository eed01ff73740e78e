// The claim board: each claim with its verdict, and its interval as seeds arrive.

import { h, marked, select, svg } from "../dom.js";
import { saves } from "../picture.js";

export const id = "claims";

const AGAIN = 2000;
const GROUPS = ["shortcuts", "concatenation", "gates", "course"];
const SIZE = { width: 260, height: 86, left: 6, right: 8, top: 8, bottom: 18 };

export function show(root, lab) {
  return new Claims(root, lab);
}

class Claims {
  constructor(root, lab) {
    Object.assign(this, { root, lab, t: lab.words.wordsOf(id), known: null });
    this.lead = h("p", { class: "lead", role: "status" });
    this.note = h("p", { class: "note" }, this.t("note"));
    this.controls = h("div", { class: "controls" });
    this.list = h("div", { class: "claim-groups" });
    root.append(h("section", { class: "panel", "aria-label": this.t("title") }, this.lead, this.note, this.controls, this.list));
    this.drawControls();
    this.ask();
  }

  leave() {
    this.left = true;
    clearTimeout(this.timer);
  }

  changed(keys) {
    if (keys.has("verdict")) this.draw();
  }

  // Asks again when a run has ended or was measured.
  update(news) {
    const { cards } = this.lab.model;
    const done = JSON.stringify(Object.entries(cards).filter(([, card]) => card.state === "done").map(([run, card]) => [run, card.readings]));
    if (news.study || done !== this.done) this.askSoon(100);
    this.done = done;
  }

  askSoon(after) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), after);
  }

  async ask() {
    const study = this.lab.model.study?.name;
    if (!study || this.left) return;
    try {
      this.says ??= await this.lab.getJson("/claims/words");
      this.known = await this.lab.getJson("/claims/board", { study });
      if (this.left) return;
      if (this.known.pending) this.askSoon(AGAIN);
      this.draw();
    } catch (refused) {
      this.lead.textContent = refused.message;
    }
  }

  drawControls() {
    const { t, lab: { state } } = this;
    const verdicts = ["", "supported", "contradicted", "inconclusive", "confounded", "not_measured"];
    this.controls.replaceChildren(select(t("show"), verdicts.map((each) => [each, each ? t(`verdict.${each}`) : t("show.all")]), state.get("verdict"), (value) => state.set({ verdict: value })),
      saves(t, t("title"), { root: () => this.list, rows: () => this.rows(), file: () => `${this.lab.model.study?.name ?? "study"}-claims` }));
  }

  draw() {
    const { known, says, t } = this;
    const only = this.lab.state.get("verdict");
    const claims = Object.entries(known.history).map(([claim, history]) => ({ claim, history, now: history.at(-1), says: says[claim] })).filter((each) => each.says);
    const counts = ["supported", "contradicted", "inconclusive", "confounded", "not_measured"].map((verdict) => [verdict, claims.filter(({ now }) => now.verdict === verdict).length]).filter(([, count]) => count);
    const told = counts.map(([verdict, count]) => `${count} ${t(`verdict.${verdict}`)}`).join(t("comma"));
    const problem = known.problem ? this.lab.words.problem(known.problem) : "";
    this.lead.textContent = problem || [told || t(known.pending ? "first" : "none"), known.pending && told ? t("pending") : ""].filter(Boolean).join(" · ");
    const shown = claims.filter(({ now }) => (only ? now.verdict === only : true));
    this.list.replaceChildren(...GROUPS.map((group) => {
      const mine = shown.filter((each) => each.says.group === group).sort((a, b) => rank(a.now) - rank(b.now));
      return mine.length ? h("section", {}, h("h2", {}, t(`group.${group}`)), h("ul", { class: "claims" }, mine.map((each) => this.claim(each)))) : null;
    }).filter(Boolean));
  }

  // A row for each claim and number of seeds.
  rows() {
    const { known, says, lab: { words } } = this;
    const fields = ["seeds", "verdict", "estimate", "low", "high", "n", "comparison"];
    return [["claim", "name", ...fields, "unit"], ...Object.entries(known?.history ?? {}).filter(([claim]) => says[claim]).flatMap(([claim, history]) =>
      history.map((each) => [claim, says[claim][words.language()].name, ...fields.map((field) => each[field]), words.said(each.unit)]))];
  }

  claim({ claim, history, now, says }) {
    const { t } = this;
    const words = says[this.lab.words.language()];
    const sentence = ["supported", "contradicted", "inconclusive"].includes(now.verdict) ? words[now.verdict] : words.sentence;
    const more = now.seeds_needed ? t("more", { seeds: range(now.seeds_needed, t) }) : "";
    return h("li", { class: `claim ${now.verdict}` },
      h("h3", {}, `${claim} ${words.name}`, h("span", { class: "verdict" }, t(`verdict.${now.verdict}`))),
      h("p", {}, marked(sentence)),
      now.estimate === null ? h("p", { class: "note" }, t("needs"), marked(words.needs)) : [h("p", { class: "number" }, this.number(now)), more ? h("p", { class: "note" }, more) : null, this.narrowing(history, words.name)]);
  }

  number(now) {
    const { digits, language } = this.lab.words;
    const unit = now.unit[language()];
    const interval = now.low === null ? this.t("one") : `[${digits(now.low, 3)}, ${digits(now.high, 3)}]`;
    return now.exact ? `${digits(now.estimate, 3)} ${unit}` : `${digits(now.estimate, 3)} ${interval} ${unit}, n = ${now.n}`;
  }

  // The interval by the number of seeds: bars that become shorter, the smallest effect worth having dashed.
  narrowing(history, name) {
    const known = history.filter((each) => each.estimate !== null);
    if (known.length < 2 || known.at(-1).exact) return null;
    const { width, height, left, right, top, bottom } = SIZE;
    const last = known.at(-1);
    const scaled = (value) => (last.log ? Math.log(value) : value);
    const wide = known.slice(-3).flatMap((each) => [each.low ?? each.estimate, each.high ?? each.estimate]);
    const values = [...wide, last.bound, last.neutral].filter((value) => value !== null && (!last.log || value > 0)).map(scaled);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const y = (value) => Math.min(height - bottom, Math.max(top, height - bottom - ((scaled(value) - low) / (high - low || 1)) * (height - top - bottom)));
    const seeds = known.map((each) => each.seeds);
    const x = (n) => left + 12 + ((n - seeds[0]) / Math.max(1, seeds.at(-1) - seeds[0])) * (width - left - right - 24);
    const across = (value, dash, key) => (value === null ? null : svg("path", { d: `M${left} ${y(value)}H${width - right}`, class: key, "stroke-dasharray": dash }));
    const bars = known.map((each) => {
      const ends = each.low === null ? null : svg("path", { d: `M${x(each.seeds)} ${y(each.low)}V${y(each.high)}`, class: "bar" });
      return [ends, svg("circle", { cx: x(each.seeds), cy: y(each.estimate), r: 3, class: "dot" }), svg("text", { x: x(each.seeds), y: height - 4, "text-anchor": "middle" }, String(each.seeds))];
    });
    const spoken = known.map((each) => this.t("spoken", { seeds: each.seeds, number: this.number(each) })).join("; ");
    return svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "narrowing", role: "img", "aria-label": `${name}. ${spoken}` }, across(last.neutral, null, "neutral"), across(last.bound, "4 3", "bound"), bars);
  }
}

const rank = ({ verdict }) => ["supported", "contradicted", "inconclusive", "confounded", "not_measured"].indexOf(verdict);

function range({ least, most }, t) {
  if (most === null) return t("atleast", { least });
  return least === most ? String(least) : t("range", { least, most });
}
