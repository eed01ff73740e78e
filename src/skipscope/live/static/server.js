// Asks the server. What it refuses is an error with what is wrong, where, and what to do next, in both languages.

import { problem, wordsOf } from "./words.js";

export class Refused extends Error {
  constructor(told) {
    super(); // with a message of its own, it would not say the one below
    this.told = told;
  }

  // Says it in the language that the page has now.
  get message() {
    return (this.told && problem(this.told)) || wordsOf("page")("unreachable");
  }

  static async of(answer) {
    return new Refused(await answer.json().catch(() => null));
  }
}

export async function asked(path, options) {
  const answer = await fetch(path, options).catch((error) => {
    throw error.name === "AbortError" ? error : new Refused(null);
  });
  if (!answer.ok) throw await Refused.of(answer);
  return answer;
}

const query = (parameters) => new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null));

export const getJson = async (path, parameters = {}) => (await asked(`${path}?${query(parameters)}`)).json();
export const getText = async (path, parameters = {}) => (await asked(`${path}?${query(parameters)}`)).text();
export const post = async (path, content = {}) =>
  (await asked(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content) })).json();
