// Keeps what a person has chosen in the URL's hash, so that the address of what one sees can be sent to others.

const listeners = new Set();

const read = () => new URLSearchParams(location.hash.slice(1));

export const get = (key, otherwise = "") => read().get(key) ?? otherwise;
export const number = (key, otherwise) => {
  const value = Number.parseFloat(get(key, ""));
  return Number.isFinite(value) ? value : otherwise;
};

// Changes keys; null removes one. `history` says whether "back" shall undo it.
export function set(changes, { history = false } = {}) {
  const parameters = read();
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === "") parameters.delete(key);
    else parameters.set(key, String(value));
  }
  const hash = `#${parameters}`;
  if (hash === location.hash) return;
  window.history[history ? "pushState" : "replaceState"](null, "", hash);
  tell(Object.keys(changes));
}

function tell(keys) {
  for (const listener of [...listeners]) listener(new Set(keys));
}

// Calls `listener` with the set of keys that changed; returns what ends that.
export function onChange(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

let before = read();
addEventListener("hashchange", () => {
  const now = read();
  const keys = [...new Set([...before.keys(), ...now.keys()])].filter((key) => before.get(key) !== now.get(key));
  before = now;
  if (keys.length) tell(keys);
});
