// Holds what the stream has told of one study: its description, a card and a line for each run.

import { appended, empty } from "./buckets.js";

// What is true of the workspace and of the study, whatever its runs do.
export const STATUS = ["studies", "works", "holder", "stopping", "there", "child", "study"];

export class Model extends EventTarget {
  constructor() {
    super();
    this.clear();
  }

  clear() {
    this.study = null;
    this.studies = [];
    this.works = false;
    this.holder = "";
    this.stopping = false;
    this.there = true;
    this.child = null;
    this.cards = {};
    this.lines = {};
    this.epochs = {};
  }

  // Takes one event's news, and tells who listens to "change" which parts are new.
  apply(news) {
    for (const key of STATUS) if (key in news) this[key] = news[key];
    if (news.study) {
      const members = new Set(news.study.members);
      for (const table of [this.cards, this.lines, this.epochs])
        for (const id of Object.keys(table)) if (!members.has(id)) delete table[id];
    }
    Object.assign(this.cards, news.runs);
    for (const [id, { again, epochs, ...more }] of Object.entries(news.lines ?? {})) {
      this.lines[id] = appended((!again && this.lines[id]) || empty(), more);
      this.epochs[id] = [...((!again && this.epochs[id]) || []), ...epochs];
    }
    this.dispatchEvent(new CustomEvent("change", { detail: news }));
  }

  // The runs of the study in its order, as [id, card].
  get runs() {
    return (this.study?.members ?? []).filter((id) => id in this.cards).map((id) => [id, this.cards[id]]);
  }

  // The arms of the study in its order, each with its runs.
  get arms() {
    return (this.study?.arms ?? []).map((arm) => ({ ...arm, runs: this.runs.filter(([, card]) => card.arm === arm.arm) }));
  }
}
