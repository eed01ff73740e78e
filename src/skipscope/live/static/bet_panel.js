// Asks what one expects before it is measured: one answer of four, or the hands of a class counted on each.

import * as bets from "./bets.js";
import { h, toggle } from "./dom.js";

const ANSWERS = ["little", "some", "much", "chance"];

export class BetPanel {
  // `onbet()` is called when the measurement may be shown.
  constructor(lab, t, onbet) {
    Object.assign(this, { lab, t, onbet, class: false, question: null });
    this.root = h("div", { class: "bet" });
  }

  hide() {
    this.question = null;
    this.root.replaceChildren(h("p", { class: "note" }, this.t("nothing")), this.tally());
  }

  reset() {
    this.outcome = this.mine = null;
  }

  ask(question) {
    this.question = question;
    const { t } = this;
    const votes = bets.votesOf(question);
    const button = (answer) => h("button", { type: "button", class: "button", "data-answer": answer, onclick: () => this.bet(answer) }, t(`bet.${answer}`), this.class && votes[answer] ? ` · ${votes[answer]}` : "");
    this.root.replaceChildren(
      h("p", {}, h("strong", {}, question), h("br"), t("bet.ask")),
      h("div", { class: "actions" }, ANSWERS.map(button),
        toggle(t("bet.class"), this.class, (now) => {
          this.class = now;
          this.ask(question);
        }, { title: t("bet.class.hint") }),
        this.class ? h("button", { type: "button", class: "button main", onclick: () => this.onbet() }, t("measure")) : null),
      h("p", { class: "note" }, t("bet.private")));
  }

  bet(answer) {
    bets.vote(this.question, answer);
    if (this.class) {
      this.ask(this.question);
      this.root.querySelector(`[data-answer=${answer}]`).focus();
      return;
    }
    this.mine = answer;
    this.root.replaceChildren(h("p", {}, h("strong", {}, this.question), h("br"), this.t("bet.yours", { answer: this.t(`bet.${answer}`) })));
    this.onbet();
  }

  // Shows how the bet ended, and what others in this browser bet.
  settle(outcome) {
    const { t, question } = this;
    if (!question) return;
    bets.settle(question, outcome);
    const said = this.mine ? t(this.mine === outcome ? "bet.right" : "bet.wrong", { answer: t(`bet.${this.mine}`), outcome: t(`bet.${outcome}`) }) : t("bet.outcome", { outcome: t(`bet.${outcome}`) });
    const again = h("button", { type: "button", class: "button", onclick: () => {
      this.reset();
      this.ask(question);
    } }, t("bet.again"));
    this.root.replaceChildren(h("p", { role: "status" }, h("strong", {}, question), h("br"), said), this.bars(question, outcome), h("div", { class: "actions" }, again), this.tally());
  }

  bars(question, outcome) {
    const votes = bets.votesOf(question);
    const total = ANSWERS.reduce((sum, answer) => sum + (votes[answer] ?? 0), 0);
    return h("ul", { class: "bars" }, ANSWERS.map((answer) => h("li", { class: answer === outcome ? "good" : "" },
      h("span", {}, this.t(`bet.short.${answer}`)), h("meter", { min: 0, max: total || 1, value: votes[answer] ?? 0, "aria-hidden": "true" }), h("span", { class: "share" }, String(votes[answer] ?? 0)))));
  }

  // All bets of this browser: how many were right.
  tally() {
    const { t } = this;
    const kept = Object.entries(bets.all()).filter(([, { outcome }]) => outcome);
    if (!kept.length) return "";
    const rows = kept.map(([question, { answers, outcome }]) => {
      const total = Object.values(answers).reduce((sum, each) => sum + each, 0);
      return h("tr", {}, h("td", {}, question), h("td", {}, t(`bet.short.${outcome}`)), h("td", {}, `${answers[outcome] ?? 0} / ${total}`));
    });
    return h("details", {}, h("summary", {}, t("tally", { count: kept.length })),
      h("div", { class: "scrolled" }, h("table", {}, h("thead", {}, h("tr", {}, [t("tally.question"), t("tally.outcome"), t("tally.right")].map((each) => h("th", { scope: "col" }, each)))), h("tbody", {}, rows))),
      h("button", { type: "button", class: "button", onclick: () => {
        bets.clear();
        this.root.querySelector("details")?.remove();
      } }, t("tally.clear")));
  }
}
