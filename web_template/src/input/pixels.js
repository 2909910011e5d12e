// A picture's bytes -> the exact uint8 square that the model sees. Twin of pixels.py: the two agree bit for bit.
import { PagesightError } from "../errors.js";
import { MOST_PIXELS, tooLarge } from "./bitmap.js";
import { openPixels } from "./decode.js";
import { Resizer } from "./resize.js";

/**
 * @typedef {import("../loading/contract.js").Contract["input"]} Input
 *
 * @typedef {object} Square
 * @property {Uint8ClampedArray<ArrayBuffer>} data width × height × channels, row by row, 0..255
 * @property {number} width
 * @property {number} height
 * @property {1 | 3} channels RGB, or ITU-R 601 gray
 */

/** Pixels read from the picture at a time, so that a huge one needs little memory. */
const STRIP_PIXELS = 1 << 20;

/** @type {Resizer | undefined} */
let resizer;
/** Bytes that rows, made as narrow as the model's input, may take and stay taken. */
const KEPT_BYTES = 1 << 26;
/** Settled when the resizer is free. @type {Promise<unknown>} */
let free = Promise.resolve();
/** Settled when all but the last picture are done. @type {Promise<unknown>} */
let earlier = free;

/**
 * @param {import("./decode.js").Picture} source
 * @param {Input} input
 * @returns {Promise<Square>}
 */
export async function toSquare(source, input) {
  // One is decoded while another is resized, and no more: a decoded photograph takes 50 MB.
  const [previous, beforeThat] = [free, earlier];
  earlier = previous;
  const square = beforeThat
    .then(() => openPixels(source))
    .then((pixels) => previous.then(() => resized(pixels, input)).finally(() => pixels.close()));
  // Settled with nothing: what it were settled with, each square of before, would stay in memory for good.
  free = Promise.allSettled([previous, square]).then(() => {});
  return square;
}

/**
 * @param {import("./decode.js").Pixels} pixels
 * @param {Input} input
 * @returns {Promise<Square>}
 */
async function resized(pixels, { side, channels, crop }) {
  if (pixels.width * pixels.height > MOST_PIXELS) throw tooLarge();
  const box = cropBox(pixels.width, pixels.height, crop);
  if (!box.width || !box.height) throw new PagesightError("picture", "the picture is empty");
  const strip = Math.min(box.height, Math.max(1, Math.floor(STRIP_PIXELS / box.width)));
  resizer ??= new Resizer();
  /** @type {ReturnType<Resizer["start"]>} */
  let square;
  try {
    square = resizer.start(box.width, box.height, side, strip);
  } catch {
    // Its memory could not grow, and what it counts as taken would be taken for good.
    resizer = undefined;
    throw tooLarge();
  }
  let blueFirst = false;
  for (let y = 0; y < box.height; y += strip) {
    const count = Math.min(strip, box.height - y);
    const rows = square.rows(count);
    const read = await pixels.read(box.left, box.top + y, box.width, count, rows);
    if (!read.opaque) flatten(rows);
    square.add(count);
    ({ blueFirst } = read);
  }
  const rgb = square.finish(blueFirst);
  if (box.height * side * 4 > KEPT_BYTES) resizer = undefined;
  return { data: channels === 1 ? toGray(rgb) : rgb, width: side, height: side, channels };
}

/**
 * @param {number} width
 * @param {number} height
 * @param {"center-square" | "squash"} crop
 */
function cropBox(width, height, crop) {
  if (crop === "squash") return { left: 0, top: 0, width, height };
  const side = Math.min(width, height);
  return { left: Math.floor((width - side) / 2), top: Math.floor((height - side) / 2), width: side, height: side };
}

/**
 * Lays translucent pixels on white, in place, in integers.
 * @param {Uint8Array} rgba
 */
function flatten(rgba) {
  for (let i = 0; i < rgba.length; i += 4) {
    const alpha = rgba[i + 3];
    if (alpha === 255) continue;
    const white = 255 * (255 - alpha) + 127;
    rgba[i] = Math.floor((rgba[i] * alpha + white) / 255);
    rgba[i + 1] = Math.floor((rgba[i + 1] * alpha + white) / 255);
    rgba[i + 2] = Math.floor((rgba[i + 2] * alpha + white) / 255);
  }
}

/**
 * Pillow's convert("L").
 * @param {Uint8ClampedArray} rgb
 */
function toGray(rgb) {
  const gray = new Uint8ClampedArray(rgb.length / 3);
  for (let i = 0, from = 0; i < gray.length; i++, from += 3) {
    gray[i] = (rgb[from] * 19595 + rgb[from + 1] * 38470 + rgb[from + 2] * 7471 + 0x8000) >> 16;
  }
  return gray;
}
