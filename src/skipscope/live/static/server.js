// Asks the server. What it refuses is an error with what is wrong, where, and what to do next.

export class Refused extends Error {
  constructor({ what, where = "", hint = "" }) {
    super(what);
    Object.assign(this, { where, hint });
  }
}

async function asked(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Refused({ what: "unreachable" });
  }
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({}));
  throw new Refused({ what: said.what ?? `${answer.status}`, where: said.where, hint: said.hint });
}

const query = (parameters) => new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null));

export const getJson = async (path, parameters = {}) => (await asked(`${path}?${query(parameters)}`)).json();
export const getText = async (path, parameters = {}) => (await asked(`${path}?${query(parameters)}`)).text();
export const post = async (path, content = {}) =>
  (await asked(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content) })).json();
