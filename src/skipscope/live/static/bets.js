// Bets are kept in this browser alone, and never sent: {question: {answers: {answer: votes}, outcome, curves}}.

const KEY = "skipscope-bets";
const MOST = 200;

export function all() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return kept && typeof kept === "object" && !Array.isArray(kept) ? kept : {};
  } catch {
    return {};
  }
}

function keep(bets) {
  try {
    localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(Object.entries(bets).slice(-MOST))));
  } catch {
    // a browser that keeps nothing lets one bet all the same
  }
}

export const votesOf = (question) => all()[question]?.answers ?? {};

export function vote(question, answer, by = 1) {
  const bets = all();
  const { answers = {}, ...kept } = bets[question] ?? {};
  delete bets[question];
  bets[question] = { ...kept, answers: { ...answers, [answer]: Math.max(0, (answers[answer] ?? 0) + by) } };
  keep(bets);
}

export function settle(question, outcome) {
  const bets = all();
  if (!bets[question]) return;
  bets[question].outcome = outcome;
  keep(bets);
}

export const clear = () => keep({});

// Curves that were drawn before a measurement, the newest last.
export const curvesOf = (question) => all()[question]?.curves ?? [];

export function addCurve(question, curve) {
  const bets = all();
  const kept = bets[question] ?? {};
  delete bets[question];
  bets[question] = { ...kept, curves: [...(kept.curves ?? []), curve].slice(-60) };
  keep(bets);
}
