// One pixel of a convolution worked out: input times kernel, channel by channel, their sum and the bias.

import { h } from "./dom.js";
import { saves } from "./picture.js";
import { drawRgb, signed } from "./pixels.js";

const WRITTEN = 3;

export class WorkedPixel {
  constructor(lab, t) {
    Object.assign(this, { lab, t });
    this.root = h("div", { class: "worked" });
    this.saves = saves(t, t("pixel"), { root: () => this.root, rows: () => rowsOf(this.found), file: () => this.file });
  }

  none() {
    this.saves.hidden = true;
    this.root.replaceChildren(h("p", { class: "note" }, this.t("pixel.none")));
  }

  draw(found, where) {
    const { t, lab: { words } } = this;
    Object.assign(this, { found, file: [where.layer.module, where.filter, where.row, where.column].join("-") });
    this.saves.hidden = false;
    const sums = found.products.map((channel) => channel.flat().reduce((sum, each) => sum + each, 0));
    const order = sums.map((_, i) => i).toSorted((a, b) => Math.abs(sums[b]) - Math.abs(sums[a]));
    const written = order.slice(0, WRITTEN).toSorted((a, b) => a - b);
    const rest = order.slice(WRITTEN);
    const digits = (value) => words.digits(value, 4);
    const most = (grids) => Math.max(...grids.flat(2).map(Math.abs));
    const [patch, kernel, products] = [found.patch, found.kernel, found.products].map(most);
    const rows = written.map((i) => h("div", { class: "product", role: "group", "aria-label": t("pixel.channel", { channel: found.channel + i + 1 }) },
      h("h4", {}, t("pixel.channel", { channel: found.channel + i + 1 })),
      grid(found.patch[i], patch, t("pixel.patch"), digits), h("span", { class: "sign" }, "×"),
      grid(found.kernel[i], kernel, t("pixel.kernel"), digits), h("span", { class: "sign" }, "="),
      grid(found.products[i], products, t("pixel.products"), digits), h("span", { class: "sign" }, t("pixel.sum"), " ", h("strong", {}, digits(sums[i])))));
    const restSum = rest.reduce((sum, i) => sum + sums[i], 0);
    const parts = [...written.map((i) => digits(sums[i])), ...(rest.length ? [t("pixel.rest", { channels: rest.length, sum: digits(restSum) })] : []), t("pixel.bias", { bias: digits(found.bias) })];
    this.root.replaceChildren(
      h("p", { class: "note" }, t("pixel.where", { row: where.row + 1, column: where.column + 1, filter: where.filter + 1, layer: where.layer.module, stride: where.layer.stride.join("×"), padding: where.layer.padding.join("×"), dilation: where.layer.dilation.join("×") })),
      h("div", { class: "products" }, where.first ? this.image(found, where) : null, h("div", {}, rows)),
      h("p", { class: "total", role: "status" }, `${parts.join(" + ").replaceAll("+ -", "− ")} = `, h("strong", { id: "total" }, digits(found.total)), " ", h("span", { class: "faint" }, t("pixel.value", { value: digits(found.value) }))));
  }

  // The image, with a frame around what the kernel reads.
  image(found, { bytes }) {
    const size = 192;
    const canvas = h("canvas", { class: "read", role: "img", "aria-label": this.t("pixel.frame") });
    const plain = drawRgb(document.createElement("canvas"), bytes);
    canvas.width = canvas.height = size + 24;
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(plain, 12, 12, size, size);
    const unit = size / 32;
    context.strokeStyle = "#d55e00";
    context.lineWidth = 2;
    for (const row of found.rows) for (const column of found.columns) context.strokeRect(12 + column * unit, 12 + row * unit, unit, unit);
    return canvas;
  }
}

function rowsOf(found) {
  const terms = found.products.flatMap((channel, i) => channel.flatMap((numbers, r) => numbers.map((product, c) =>
    [found.channel + i, found.rows[r], found.columns[c], found.patch[i][r][c], found.kernel[i][r][c], product])));
  const last = ["bias", "total", "value"].map((name) => [name, "", "", "", "", found[name]]);
  return [["channel", "row", "column", "input", "weight", "product"], ...terms, ...last];
}

function grid(numbers, most, caption, digits) {
  const short = (value) => digits(Math.abs(value) < 5e-4 ? 0 : Number(value.toFixed(3)));
  const cells = numbers.map((row) => h("tr", {}, row.map((value) => {
    const cell = h("td", {}, short(value));
    cell.style.background = signed(value, most);
    return cell;
  })));
  return h("table", { class: "numbers" }, h("caption", {}, caption), h("tbody", {}, cells));
}
