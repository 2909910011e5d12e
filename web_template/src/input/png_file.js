// The chunks of a PNG file (W3C Portable Network Graphics, third edition).
import { orientationOf } from "./orientation.js";

/**
 * @typedef {Uint8Array<ArrayBuffer>} Bytes
 *
 * @typedef {object} Png
 * @property {number} width
 * @property {number} height
 * @property {number} depth bits a sample: 1, 2, 4, 8 or 16
 * @property {number} type 0 gray, 2 RGB, 3 palette, 4 gray and alpha, 6 RGBA
 * @property {boolean} interlaced
 * @property {Bytes} [palette] RGB triples
 * @property {Bytes} [transparency] alpha by palette entry, or the one clear gray or RGB, two bytes a sample
 * @property {number} orientation EXIF's, 1..8
 * @property {Bytes[]} data one zlib stream
 * @property {Bytes} bytes the file without what changes its colors, and without an animation's frames
 */

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Chunks that say what the numbers mean as light: the model sees the numbers. */
const ABOUT_COLOR = ["iCCP", "gAMA", "cHRM", "sRGB", "cICP", "mDCV", "cLLI"];
/** An animation: its picture is the one that others see, and not its first frame. */
const ABOUT_FRAMES = ["acTL", "fcTL", "fdAT"];
const LEFT_OUT = new Set([...ABOUT_COLOR, ...ABOUT_FRAMES]);

/** @param {Bytes} bytes */
export const isPng = (bytes) => SIGNATURE.every((byte, i) => bytes[i] === byte);

/**
 * @param {Bytes} bytes a PNG file; what is damaged is left to the decoder
 * @returns {Png}
 */
export function readPng(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  /** @type {Png} */
  const png = {
    width: 0,
    height: 0,
    depth: 0,
    type: 0,
    interlaced: false,
    orientation: 1,
    data: [],
    bytes,
  };
  const kept = [bytes.subarray(0, 8)];
  for (let at = 8; at + 12 <= bytes.length;) {
    const size = view.getUint32(at);
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const body = bytes.subarray(at + 8, at + 8 + size);
    if (name === "IHDR" && size >= 13) {
      Object.assign(png, { width: view.getUint32(at + 8), height: view.getUint32(at + 12) });
      Object.assign(png, { depth: body[8], type: body[9], interlaced: body[12] === 1 });
    }
    if (name === "PLTE") png.palette = body;
    if (name === "tRNS") png.transparency = body;
    if (name === "IDAT") png.data.push(body);
    if (name === "eXIf") png.orientation = orientationOf(body);
    if (!LEFT_OUT.has(name)) kept.push(bytes.subarray(at, at + 12 + size));
    at += 12 + size;
    if (name === "IEND") break;
  }
  png.bytes = joined(kept);
  return png;
}

/** @param {Bytes[]} parts @returns {Bytes} Firefox tells a file's kind by the first part of a Blob alone */
export function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
