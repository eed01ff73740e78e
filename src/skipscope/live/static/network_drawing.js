// The network as a drawing whose blocks are buttons: a click does to a block what is chosen above. What is done to
// each is marked; the table below has the same, and more.

import { choice, h, parsedSvg, svg } from "./dom.js";
import { saves } from "./picture.js";

const KINDS = ["delete", "reset", "off", "gates"];

export class NetworkDrawing {
  // `table` has the changes; its drawing is asked for as SVG, with rectangles around its blocks.
  constructor(lab, t, table) {
    Object.assign(this, { lab, t, table });
    this.root = h("div", { class: "drawing" });
  }

  // Asks for the drawing of another network.
  async load(network, possible) {
    this.possible = possible;
    const blocks = [...new Set([...possible.deleted, ...possible.reset, ...possible.scaled, ...possible.gated])];
    this.network = network;
    this.drawn = await this.lab.post("/apart/drawing", { run: network.run, language: this.lab.words.language(), blocks });
  }

  // What a click can do in this network.
  get kinds() {
    const { deleted, reset, scaled, gated } = this.possible;
    return KINDS.filter((_, i) => [deleted, reset, scaled, gated][i].length);
  }

  get kind() {
    const chosen = this.lab.state.get("click");
    return this.kinds.includes(chosen) ? chosen : this.kinds[0];
  }

  draw() {
    const { t, kinds, kind, lab: { state } } = this;
    this.root.hidden = !Object.keys(this.drawn?.boxes ?? {}).length || !kinds.length;
    if (this.root.hidden) return;
    const focused = this.root.contains(document.activeElement) ? document.activeElement.dataset?.block : null;
    const picture = parsedSvg(this.drawn.svg);
    picture.setAttribute("role", "group");
    picture.setAttribute("aria-label", t("drawing.label"));
    picture.append(...Object.entries(this.drawn.boxes).map(([block, boxes]) => this.block(block, boxes)));
    this.root.replaceChildren(
      kinds.length > 1 ? h("div", { class: "controls" }, choice("click", t("click"), kinds.map((each) => [each, t(`click.${each}`)]), kind, (value) => state.set({ click: value }))) : "",
      h("div", { class: "scrolled" }, picture), h("p", { class: "reading" }, t("drawing.hint"), " ",
        saves(t, t("drawing"), { root: () => picture, rows: () => this.rows(), file: () => `${this.network.run}-network` })));
    if (focused) this.root.querySelector(`[data-block="${CSS.escape(focused)}"]`)?.focus();
  }

  block(block, boxes) {
    const { t, kind, possible } = this;
    const done = this.table.done(block);
    const can = { delete: possible.deleted, reset: possible.reset, off: possible.scaled, gates: possible.gated }[kind].includes(block);
    const pressed = this.isDone(done);
    const change = { delete: { kind: "delete", block }, reset: { kind: "reset", block }, off: { kind: "scale", block, alpha: 0 }, gates: { kind: "gates", block, by: "one" } }[kind];
    const act = () => this.table.put(block, pressed ? null : change);
    const said = done ? this.table.say(done) : t("drawing.block", { block });
    const attributes = can ? { role: "button", tabindex: 0, "aria-pressed": String(pressed), "aria-label": t("drawing.act", { act: t(`click.${kind}`), said }), "data-block": block, onclick: act,
      onkeydown: (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        act();
      } } : {};
    return svg("g", { class: ["block", can ? "can" : "", done ? `done ${done.kind}` : ""].filter(Boolean).join(" "), ...attributes }, svg("title", {}, said),
      boxes.map(([x, y, width, height]) => [svg("rect", { x, y, width, height, rx: 3 }), done ? mark(done, x, y, width, height) : null]));
  }

  // Whether what the click would do is done already.
  isDone(done) {
    if (!done) return false;
    const kind = done.kind === "scale" ? "off" : done.kind;
    return kind === this.kind;
  }

  rows() {
    return [["block", "change"], ...Object.keys(this.drawn.boxes).map((block) => [block, this.table.done(block) ? this.table.say(this.table.done(block)) : ""])];
  }
}

// What is done to a block: crossed out, an arrow back, or its alpha or gate.
function mark({ kind, alpha }, x, y, width, height) {
  if (kind === "delete") return svg("path", { class: "mark", d: `M${x + 2} ${y + 2}L${x + width - 2} ${y + height - 2}M${x + width - 2} ${y + 2}L${x + 2} ${y + height - 2}` });
  const words = { reset: "↺", scale: `α ${alpha}`, gates: "SE" }[kind];
  return svg("text", { class: "mark", x: x + width / 2, y: y + 11, "text-anchor": "middle", "font-size": 11 }, words);
}
