// Kernels by name, for a kernel of any size: what needs neighbours is left out where there are none. Pure functions.

const grid = (height, width, value) => Array.from({ length: height }, (_, r) => Array.from({ length: width }, (_, c) => value(r, c)));
const middle = (side) => (side - 1) >> 1;
const weightAt = (weights, side) => (i) => weights[i - middle(side) + middle(weights.length)] ?? 0;

// [1 2 1], [1 1] or [1]: what smooths along an axis.
const smoothing = (side) => weightAt(side > 2 ? [1, 2, 1] : side > 1 ? [1, 1] : [1], side);
// [-1 0 1] or [-1 1]: what finds a step along an axis; null for one pixel.
const stepping = (side) => (side > 1 ? weightAt(side > 2 ? [-1, 0, 1] : [-1, 1], side) : null);

function edges(height, width, across) {
  const step = stepping(across ? width : height);
  const smooth = smoothing(across ? height : width);
  return step && grid(height, width, (r, c) => (across ? smooth(r) * step(c) : step(r) * smooth(c)));
}

const point = (height, width) => grid(height, width, (r, c) => Number(r === middle(height) && c === middle(width)));

// The sum of the second differences along both axes, of those that are long enough.
function curved(height, width) {
  if (Math.max(height, width) < 3) return null;
  const bend = (i, side) => (side > 2 ? weightAt([1, -2, 1], side)(i) : 0);
  const [top, left] = [height, width].map(middle);
  return grid(height, width, (r, c) => (c === left ? bend(r, height) : 0) + (r === top ? bend(c, width) : 0));
}

const PRESETS = {
  sharpen: (height, width) => {
    const outline = curved(height, width);
    return outline && point(height, width).map((row, r) => row.map((value, c) => value - outline[r][c]));
  },
  blur: (height, width) => (height * width > 1 ? grid(height, width, () => 1 / (height * width)) : null),
  upright: (height, width) => edges(height, width, true),
  level: (height, width) => edges(height, width, false),
  outline: curved,
  same: point,
  negative: (height, width) => point(height, width).map((row) => row.map((value) => 0 - value)),
  zero: (height, width) => grid(height, width, () => 0),
};

// The presets that a kernel of this size can have, as [name, numbers].
export const presetsOf = (height, width) => Object.entries(PRESETS).map(([name, make]) => [name, make(height, width)]).filter(([, numbers]) => numbers);
