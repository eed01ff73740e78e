// Asks the server for something that takes long: it answers line by line, with how far it is, and at last with all.

import { asked, Refused } from "./server.js";

// `onprogress(done, of)` is told how far it is; `signal` aborts it, and then the server computes no further.
export async function postLines(path, content, { onprogress, signal } = {}) {
  const answer = await asked(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content), signal });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let last = null;
  for (;;) {
    const { value, done } = await reader.read();
    rest += value ?? "";
    const lines = rest.split("\n");
    rest = lines.pop();
    for (const line of lines) {
      last = JSON.parse(line);
      if ("of" in last) onprogress?.(last.done, last.of);
    }
    if (done) break;
  }
  if (last?.refused) throw new Refused(last.refused);
  if (!last?.effects) throw new Refused(null);
  return last.effects;
}
