// Writes a chart as CSV and as SVG, and saves what was written.

export const escaped = (text) => String(text).replace(/[&<>"]/g, (each) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[each]);

export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// Not toBlob(): Chromium encodes when the page is idle, at times after seconds and at times never.
export const pngOf = (canvas) => new Blob([Uint8Array.from(atob(canvas.toDataURL().split(",")[1]), (each) => each.charCodeAt(0))], { type: "image/png" });

// A name in a spreadsheet must not be a formula there.
const cell = (value) => {
  if (typeof value !== "string") return value ?? "";
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

// Writes rows so that a spreadsheet reads Chinese, too.
export const csvText = (rows) => `\ufeff${rows.map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;

export const rowsOf = (curves, xLabel) => [["curve", xLabel, "value", "low", "high"], ...curves.flatMap(({ label, x, y, low, high }) =>
  x.map((each, i) => [label, each, y[i], low?.[i], high?.[i]]).filter(([, , value]) => value !== null && value !== undefined))];

const SIZE = { width: 720, height: 420, left: 64, right: 16, top: 34, bottom: 46 };

export function svgOf({ title, curves, xLabel, log, plot, format }) {
  const { min: x0, max: x1 } = plot.scales.x;
  const { min: y0, max: y1 } = plot.scales.y;
  const { width, height, left, right, top, bottom } = SIZE;
  const up = (y) => (log ? Math.log10(y) : y);
  const px = (x) => left + ((x - x0) / (x1 - x0)) * (width - left - right);
  const py = (y) => height - bottom - ((up(y) - up(y0)) / (up(y1) - up(y0))) * (height - top - bottom);
  const text = (x, y, words, more = "") => `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escaped(words)}</text>`;
  const parts = [`<rect width="${width}" height="${height}" fill="#fff"/>`, text(left, 20, title, 'font-weight="bold"')];
  for (const tick of ticks(y0, y1, log)) parts.push(`<path d="M${left} ${py(tick).toFixed(1)}H${width - right}" stroke="#d9dee5"/>`, text(left - 8, py(tick) + 4, format(tick), 'text-anchor="end"'));
  for (const tick of ticks(x0, x1, false)) parts.push(text(px(tick), height - bottom + 18, String(Number(tick.toPrecision(6))), 'text-anchor="middle"'));
  parts.push(text((left + width - right) / 2, height - 8, xLabel, 'text-anchor="middle"'));
  curves.forEach(({ label, color, dash, x, y, low, high }, i) => {
    const inside = x.map((each, k) => k).filter((k) => x[k] >= x0 && x[k] <= x1 && y[k] !== null && (!log || y[k] > 0));
    const banded = inside.filter((k) => low?.[k] != null && high?.[k] != null && (!log || low[k] > 0));
    const points = (ks, ys) => ks.map((k) => `${px(x[k]).toFixed(1)},${py(ys[k]).toFixed(1)}`);
    if (banded.length) parts.push(`<polygon points="${[...points(banded, low), ...points(banded.toReversed(), high)].join(" ")}" fill="${color}" fill-opacity=".18"/>`);
    parts.push(`<polyline points="${points(inside, y).join(" ")}" fill="none" stroke="${color}" stroke-width="1.8" ${dash?.[1] ? `stroke-dasharray="${dash.join(" ")}"` : ""}/>`);
    parts.push(text(left + 8 + (i % 4) * 160, top + 4 + 15 * Math.floor(i / 4), label, `fill="${color}"`));
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="Helvetica, Arial, 'Noto Sans CJK SC', sans-serif" font-size="12" fill="#1c2530">${parts.join("")}</svg>`;
}

// Round numbers between two ends; powers of ten on a logarithmic axis.
export function ticks(low, high, log) {
  if (!(high > low)) return [low];
  if (log) {
    const powers = [];
    for (let power = Math.ceil(Math.log10(low)); power <= Math.log10(high); power++) powers.push(10 ** power);
    return powers.length ? powers : [low, high];
  }
  const rough = (high - low) / 5;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const size = [1, 2, 5, 10].map((each) => each * unit).find((each) => each >= rough);
  const found = [];
  for (let k = Math.ceil(low / size); k * size <= high + size * 1e-9; k++) found.push(k * size);
  return found;
}
