// Makes elements without innerHTML: what is shown of files and names is text, never markup.

const SVG = "http://www.w3.org/2000/svg";

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((each) => each !== null && each !== undefined));
  return element;
}

export const h = (tag, attributes, ...children) => filled(document.createElement(tag), attributes, children);
export const svg = (tag, attributes, ...children) => filled(document.createElementNS(SVG, tag), attributes, children);

// Buttons of which one is chosen, as radio buttons: arrow keys move between them.
export function choice(name, legend, options, chosen, onchange) {
  const buttons = options.map(([value, words]) =>
    h("label", {}, h("input", { type: "radio", name, value, checked: value === chosen, onchange: () => onchange(value) }), h("span", {}, words)));
  return h("fieldset", { class: "choice" }, h("legend", {}, legend), h("div", {}, buttons));
}

export function toggle(words, pressed, onchange, attributes = {}) {
  const button = h("button", { type: "button", class: "toggle", "aria-pressed": String(pressed), ...attributes }, words);
  button.addEventListener("click", () => {
    const now = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(now));
    onchange(now);
  });
  return button;
}

export function select(legend, options, chosen, onchange) {
  const list = h("select", { onchange: () => onchange(list.value) }, options.map(([value, words]) => h("option", { value }, words)));
  list.value = chosen;
  return h("label", { class: "select" }, h("span", {}, legend), list);
}

// Draws an SVG that the server made: parsed as XML, and no script of it is taken over.
export function parsedSvg(text) {
  const root = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  for (const script of root.querySelectorAll("script, foreignObject")) script.remove();
  return document.importNode(root, true);
}

// Sets what stands between backticks as code.
export const marked = (text) => text.split("`").map((part, i) => (i % 2 ? h("code", {}, part) : part));
