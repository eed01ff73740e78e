// Draws a part of the page as it is seen, as SVG: texts stay texts, canvases become pictures of their pixels. PNG is
// that, drawn at twice the size. So whatever is shown can be saved, and a view writes no drawing code of its own.

import { h } from "./dom.js";
import { csvText, escaped, pngOf, save } from "./export.js";

const LEFT_OUT = "button, select, input[type=range], .saves, .controls, .actions, details:not([open]) > :not(summary), summary";
const LARGEST = 16_000; // pixels of a side that a canvas may have
const MARGIN = 12;
const INKED = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font-size", "font-weight", "text-anchor"];
const measuring = document.createElement("canvas").getContext("2d");

// Buttons that save what `root()` shows as PNG and SVG, and `rows()` as CSV; a name ends without its kind.
export function saves(t, title, { root, rows, file }) {
  const act = { PNG: () => savePicture("PNG", root(), file()), SVG: () => savePicture("SVG", root(), file()), CSV: () => saveCsv(rows(), file()) };
  return h("span", { class: "saves" }, Object.keys(act).filter((type) => (type === "CSV" ? rows : root)).map((type) =>
    h("button", { type: "button", class: "quiet", "aria-label": t("save", { name: title, type }), onclick: act[type] }, type)));
}

export async function saveCsv(rows, file) {
  save(new Blob([csvText(await rows)], { type: "text/csv" }), `${file}.csv`);
}

export async function savePicture(type, root, file) {
  const drawn = pictureOf(root);
  const blob = new Blob([drawn.text], { type: "image/svg+xml" });
  save(type === "SVG" ? blob : await rasterised(blob, drawn), `${file}.${type.toLowerCase()}`);
}

async function rasterised(blob, { width, height }) {
  const image = new Image();
  await new Promise((resolve, reject) => { // not decode(): that waits for a frame, and a tab that is hidden has none
    Object.assign(image, { onload: resolve, onerror: reject, src: URL.createObjectURL(blob) });
  });
  const canvas = document.createElement("canvas");
  const scale = Math.min(2, LARGEST / Math.max(width, height));
  canvas.width = Math.ceil(width * scale);
  canvas.height = Math.ceil(height * scale);
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(image.src);
  return pngOf(canvas);
}

// Returns an element as the text of an SVG, and its size.
export function pictureOf(root) {
  const { left, top } = root.getBoundingClientRect();
  const drawing = { parts: [], left: left - MARGIN, top: top - MARGIN, right: left, bottom: top };
  walk(root, drawing);
  const [width, height] = [drawing.right - drawing.left + MARGIN, drawing.bottom - drawing.top + MARGIN].map(Math.ceil);
  const paper = getComputedStyle(document.documentElement).getPropertyValue("--paper").trim();
  const text = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`
    + `<rect width="${width}" height="${height}" fill="${paper}"/>${drawing.parts.join("")}</svg>`;
  return { text, width, height };
}

function walk(element, drawing) {
  const style = getComputedStyle(element);
  if (style.display === "none" || style.visibility === "hidden" || style.position === "absolute" || element.matches(LEFT_OUT)) return;
  const box = placed(element.getBoundingClientRect(), drawing);
  if (box.width && box.height) {
    if (element.localName === "canvas") return drawing.parts.push(imageOf(element, box));
    if (element.localName === "svg") return drawing.parts.push(nested(element, box, style));
    drawing.parts.push(boxOf(box, style));
    if (["meter", "progress"].includes(element.localName)) return drawing.parts.push(barOf(element, box));
    if (element.localName === "input") return drawing.parts.push(textOf(element.value, { ...box, x: box.x + 6 }, style));
  }
  for (const child of element.childNodes)
    if (child.nodeType === 3) drawing.parts.push(...linesOf(child, style).map(({ text, rect }) => textOf(text, placed(rect, drawing), style)));
    else if (child.nodeType === 1) walk(child, drawing);
}

// A rectangle of the window within the drawing, which grows to hold it.
function placed({ left, top, right, bottom }, drawing) {
  if (right > left && bottom > top) {
    drawing.right = Math.max(drawing.right, right);
    drawing.bottom = Math.max(drawing.bottom, bottom);
  }
  return { x: left - drawing.left, y: top - drawing.top, width: right - left, height: bottom - top };
}

const number = (value) => Number(value.toFixed(2));
const at = ({ x, y, width, height }) => `x="${number(x)}" y="${number(y)}" width="${number(width)}" height="${number(height)}"`;
const seen = (color) => !/^(transparent|rgba\(.*, 0\))$/.test(color);

function boxOf(box, style) {
  const parts = seen(style.backgroundColor) ? [`<rect ${at(box)} fill="${style.backgroundColor}"/>`] : [];
  const wide = (side) => Number.parseFloat(style[`border${side}Width`]) * seen(style[`border${side}Color`]);
  const dash = style.borderBottomStyle === "dashed" ? ' stroke-dasharray="4 3"' : "";
  if (wide("Top") && wide("Bottom")) parts.push(`<rect ${at(box)} rx="${Number.parseFloat(style.borderTopLeftRadius) || 0}" fill="none" stroke="${style.borderBottomColor}" stroke-width="${wide("Bottom")}"${dash}/>`);
  else if (wide("Bottom")) parts.push(`<path d="M${number(box.x)} ${number(box.y + box.height)}h${number(box.width)}" stroke="${style.borderBottomColor}" stroke-width="${wide("Bottom")}"/>`);
  return parts.join("");
}

const imageOf = (canvas, box) => `<image ${at(box)} preserveAspectRatio="none" image-rendering="pixelated" style="image-rendering:pixelated" href="${canvas.toDataURL()}"/>`;

function barOf({ value, min = 0, max }, box) {
  const accent = getComputedStyle(document.documentElement).getPropertyValue("--accent").trim();
  const share = max > min ? (value - min) / (max - min) : 0;
  return `<rect ${at(box)} rx="3" fill="none" stroke="#9aa5b1"/><rect ${at({ ...box, width: box.width * share })} rx="3" fill="${accent}"/>`;
}

// Copies an SVG of the page, with what the style sheet says of its parts written into them.
function nested(element, box, style) {
  const copy = element.cloneNode(true);
  const copies = [copy, ...copy.querySelectorAll("*")];
  [element, ...element.querySelectorAll("*")].forEach((each, i) => {
    const own = getComputedStyle(each);
    for (const name of INKED) copies[i].setAttribute(name, own.getPropertyValue(name));
  });
  for (const [name, value] of Object.entries({ x: number(box.x), y: number(box.y), width: number(box.width), height: number(box.height), color: style.color, "font-family": style.fontFamily })) copy.setAttribute(name, value);
  for (const name of ["style", "class", "tabindex", "role"]) for (const each of copies) each.removeAttribute(name);
  return new XMLSerializer().serializeToString(copy);
}

// The lines of a text as the browser broke it; in a vertical one, a line each way that letters stand.
function linesOf(node, style) {
  const range = document.createRange();
  const upright = style.writingMode.startsWith("vertical");
  const lines = [];
  let from = 0;
  for (const letter of node.data) {
    range.setStart(node, from);
    range.setEnd(node, from += letter.length);
    const rect = range.getClientRects()[0];
    if (!rect?.width || !rect.height) continue;
    const last = lines.at(-1);
    const alone = upright && letter > "\u2e80";
    if (last && !alone && !last.alone && Math.abs(upright ? rect.left - last.rect.left : rect.top - last.rect.top) < 2) {
      last.text += letter;
      last.rect = { left: Math.min(last.rect.left, rect.left), top: last.rect.top, right: Math.max(last.rect.right, rect.right), bottom: Math.max(last.rect.bottom, rect.bottom) };
    } else lines.push({ text: letter, alone, rect });
  }
  return lines.filter(({ text }) => text.trim()).map(({ text, rect }) => ({ text, rect }));
}

function textOf(text, { x, y, width, height }, style) {
  measuring.font = style.font;
  const { fontBoundingBoxAscent: ascent, fontBoundingBoxDescent: descent } = measuring.measureText("x");
  const share = ascent / (ascent + descent);
  const look = `font-family="${escaped(style.fontFamily)}" font-size="${style.fontSize}" font-weight="${style.fontWeight}" fill="${style.color}" xml:space="preserve"`;
  if (style.writingMode.startsWith("vertical") && text <= "\u2e80") return `<text transform="translate(${number(x + width * (1 - share))} ${number(y)}) rotate(90)" ${look}>${escaped(text)}</text>`;
  return `<text x="${number(x)}" y="${number(y + height * share)}" ${look}>${escaped(text)}</text>`;
}
