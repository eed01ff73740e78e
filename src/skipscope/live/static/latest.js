// Of questions that are asked again before they are answered, only the last one's answer counts.

export class Latest {
  constructor() {
    this.turns = new Map();
  }

  // Waits for an answer; null if the same part has been asked again, or nobody waits any more.
  async of(part, question) {
    const turn = (this.turns.get(part) ?? 0) + 1;
    this.turns.set(part, turn);
    const answer = await question;
    return this.turns.get(part) === turn ? answer : null;
  }

  leave() {
    this.turns.clear();
  }
}
