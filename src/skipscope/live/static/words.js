// Says everything in the reader's language. `words/NAME.json` has one entry a key: {"key": {"en": ..., "zh": ...}}.

const tables = {};
let spoken = "en";

export const language = () => spoken;

export function speak(name) {
  spoken = name === "zh" ? "zh" : "en";
  document.documentElement.lang = spoken === "zh" ? "zh-CN" : "en";
}

export async function load(...names) {
  await Promise.all(names.filter((name) => !(name in tables)).map(async (name) => {
    const answer = await fetch(`/static/words/${name}.json`);
    tables[name] = answer.ok ? await answer.json() : {};
  }));
}

// Returns what says the keys of one table: t("state.training"), t("left", {time: "3 min"}).
export function wordsOf(name) {
  return (key, values = {}) => {
    const text = tables[name]?.[key]?.[spoken] ?? tables.page?.[key]?.[spoken] ?? key;
    return text.replace(/\{(\w+)\}/g, (hole, value) => values[value] ?? hole);
  };
}

// Says in the reader's language what the server told in both.
export const said = (both) => both?.[spoken] ?? "";

// Says what went wrong: what, where, and what to do next.
export const problem = ({ what, where, hint }) => [said(what), where, said(hint)].filter(Boolean).join("\n");

const separators = () => (spoken === "zh" ? "zh-CN" : "en-US");
export const count = (value) => (value == null ? "–" : Math.round(value).toLocaleString(separators()));
export const percent = (value) => (value == null ? "–" : `${(100 * value).toFixed(1)}%`);
export const digits = (value, most = 4) => (value == null ? "–" : String(Number(value.toPrecision(most))));

export function duration(seconds) {
  if (seconds == null || !Number.isFinite(seconds)) return "–";
  const whole = Math.round(seconds);
  const [s, min, hours] = spoken === "zh" ? [" 秒", " 分", " 小时"] : [" s", " min", " h"];
  if (whole < 60) return `${whole}${s}`;
  if (whole < 3600) return `${Math.floor(whole / 60)}${min} ${String(whole % 60).padStart(2, "0")}${s}`;
  return `${Math.floor(whole / 3600)}${hours} ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")}${min}`;
}
