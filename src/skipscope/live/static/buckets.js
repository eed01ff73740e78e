// Lines as buckets, as the server sends them (live/buckets.py): of each the last step, how many steps it has,
// and their lowest, highest and mean value. Pure functions; merging is exact.

export const MOST = 1000;

const NAMES = ["step", "count", "low", "high", "mean", "rate"];

export const empty = () => ({ step: [], count: [], low: [], high: [], mean: [], rate: [] });

// Adds what is new behind a line; a line that has become long is thinned.
export function appended(line, more) {
  const joined = {};
  for (const name of NAMES) joined[name] = line[name].concat(more[name] ?? []);
  return joined.step.length > 2 * MOST ? thinned(joined) : joined;
}

const least = (a, b) => (a === null ? b : b === null ? a : Math.min(a, b));
const most = (a, b) => (a === null ? b : b === null ? a : Math.max(a, b));

// Merges neighbours until at most so many are left, the smallest together first: all hold about as many steps.
export function thinned(line, limit = MOST) {
  const total = line.count.reduce((sum, each) => sum + each, 0);
  const size = Math.max(1, Math.ceil(total / limit));
  const merged = empty();
  let held = Infinity;
  for (let i = 0; i < line.step.length; i++) {
    const last = merged.step.length - 1;
    if (held + line.count[i] > size || last < 0) {
      for (const name of NAMES) merged[name].push(line[name][i]);
      held = line.count[i];
      continue;
    }
    const count = merged.count[last] + line.count[i];
    const sum = (merged.mean[last] ?? 0) * merged.count[last] + (line.mean[i] ?? 0) * line.count[i];
    merged.mean[last] = count ? sum / count : null;
    merged.low[last] = least(merged.low[last], line.low[i]);
    merged.high[last] = most(merged.high[last], line.high[i]);
    merged.step[last] = line.step[i];
    merged.rate[last] = line.rate[i];
    merged.count[last] = held = count;
  }
  return merged;
}

// Averages a line over its past: a step that lies n steps back weighs `weight` to the n.
export function smoothed(line, weight) {
  if (!weight) return line.mean;
  let sum = 0;
  let total = 0;
  return line.mean.map((value, i) => {
    const keep = weight ** line.count[i];
    if (value !== null) {
      sum = keep * sum + (1 - keep) * value;
      total = keep * total + (1 - keep);
    }
    return total ? sum / total : null;
  });
}

// The value of a curve at x, by straight lines between its points; null outside of it.
function at(xs, ys, x, from) {
  let i = from;
  while (i < xs.length && xs[i] < x) i++;
  if (i >= xs.length) return [null, i];
  if (xs[i] === x || i === 0) return [xs[i] === x ? ys[i] : null, i];
  if (ys[i] === null || ys[i - 1] === null) return [null, i];
  return [ys[i - 1] + ((ys[i] - ys[i - 1]) * (x - xs[i - 1])) / (xs[i] - xs[i - 1]), i];
}

// What several seeds' curves have in common: at each x their mean, lowest and highest value.
export function band(curves, points = 500) {
  const known = curves.filter((curve) => curve.x.length);
  if (!known.length) return { x: [], y: [], low: [], high: [] };
  const longest = known.reduce((a, b) => (a.x.length >= b.x.length ? a : b));
  const ends = [Math.min(...known.map((curve) => curve.x[0])), Math.max(...known.map((curve) => curve.x.at(-1)))];
  const even = Array.from({ length: points }, (_, i) => ends[0] + ((ends[1] - ends[0]) * i) / (points - 1));
  const x = longest.x.length <= points ? [...new Set(known.flatMap((curve) => curve.x))].sort((a, b) => a - b) : even;
  const from = known.map(() => 0);
  const result = { x, y: [], low: [], high: [], count: [] };
  for (const each of x) {
    const values = [];
    known.forEach((curve, k) => {
      const [value, index] = at(curve.x, curve.y, each, Math.max(0, from[k] - 1));
      from[k] = index;
      if (value !== null && value !== undefined) values.push(value);
    });
    result.count.push(values.length);
    result.y.push(values.length ? values.reduce((a, b) => a + b, 0) / values.length : null);
    result.low.push(values.length > 1 ? Math.min(...values) : null);
    result.high.push(values.length > 1 ? Math.max(...values) : null);
  }
  return result;
}

// Turns steps into epochs or seconds. Seconds are known where epochs end; between and behind them by the pace.
export function scaleOf(kind, card, epochs) {
  if (kind === "epoch") return (step) => step / card.steps_per_epoch;
  if (kind !== "second") return (step) => step;
  const known = [[0, 0], ...epochs.filter((each) => each.seconds !== null).map((each) => [each.step, each.seconds])];
  const [end, seconds] = known.at(-1);
  const pace = card.pace ? 1 / card.pace : end ? seconds / end : null;
  return (step) => {
    if (step > end) return pace === null ? null : seconds + (step - end) * pace;
    const i = Math.max(1, known.findIndex(([each]) => each >= step));
    if (known.length < 2) return null;
    const [[a, from], [b, to]] = [known[i - 1], known[i]];
    return b === a ? to : from + ((to - from) * (step - a)) / (b - a);
  };
}
