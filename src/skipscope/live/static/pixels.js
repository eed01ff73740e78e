// Draws arrays of bytes on canvases: images, maps, heat. All are enlarged without smoothing, so that a pixel is a pixel.

export function bytesOf(text) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

export const floatsOf = (text) => new Float32Array(bytesOf(text).buffer);
export const textOf = (bytes) => btoa(String.fromCharCode(...bytes));
// Base64 that needs no escapes in a URL.
export const forUrl = (text) => text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
export const fromUrl = (text) => text.replaceAll("-", "+").replaceAll("_", "/");

// Draws an image of height x width x 3 bytes.
export function drawRgb(canvas, bytes, side = 32) {
  canvas.width = canvas.height = side;
  const image = new ImageData(side, side);
  for (let i = 0; i < side * side; i++) image.data.set([bytes[3 * i], bytes[3 * i + 1], bytes[3 * i + 2], 255], 4 * i);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

// Draws one map of height x width bytes in grey, light where it is large.
export function drawGrey(canvas, bytes, [height, width]) {
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  bytes.forEach((level, i) => image.data.set([level, level, level, 255], 4 * i));
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

// The colour of a number between -most and most: blue below 0, white at 0, orange above.
export function signed(value, most) {
  const share = Math.max(-1, Math.min(1, value / (most || 1)));
  const [r, g, b] = share < 0 ? [0, 114, 178] : [213, 94, 0];
  const mix = (level) => Math.round(255 + (level - 255) * 0.6 * Math.abs(share)); // pale enough for the number that is written on it
  return `rgb(${mix(r)} ${mix(g)} ${mix(b)})`;
}

// Draws an h x w kernel.
export function drawSigned(canvas, numbers, most) {
  const [height, width] = [numbers.length, numbers[0].length];
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  numbers.forEach((row, i) => row.forEach((value, k) => {
    context.fillStyle = signed(value, most);
    context.fillRect(k, i, 1, 1);
  }));
  return canvas;
}

// Draws an image with heat (h x w shares from 0 to 1, enlarged smoothly) over it in orange.
export function drawHeat(canvas, bytes, heat, size = 160) {
  const plain = drawRgb(document.createElement("canvas"), bytes);
  canvas.width = canvas.height = size;
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(plain, 0, 0, size, size);
  if (!heat) return canvas;
  const [height, width] = [heat.length, heat[0].length];
  const layer = document.createElement("canvas");
  layer.width = width;
  layer.height = height;
  const image = new ImageData(width, height);
  heat.flat().forEach((share, i) => image.data.set([255, 120, 0, Math.round(190 * (share ?? 0))], 4 * i));
  layer.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingEnabled = true;
  context.drawImage(layer, 0, 0, size, size);
  return canvas;
}
