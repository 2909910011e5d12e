// Decodes PNG files to the numbers that are in them. Browsers' own decoders multiply by alpha and round 16 bits to 8, each in a
// way of its own; Python takes the numbers as they are.
import { MOST_PIXELS, tooLarge } from "./bitmap.js";
import { turned } from "./orientation.js";

/**
 * @typedef {import("./png_file.js").Png} Png
 * @typedef {Uint8Array<ArrayBuffer>} Bytes
 * @typedef {{ width: number, height: number, data: Uint8ClampedArray<ArrayBuffer> }} Image RGBA, not premultiplied
 * @typedef {[x: number, y: number, dx: number, dy: number]} Pass where its pixels lie in the picture
 */

/** Samples a pixel, by color type. @type {Record<number, number>} */
const CHANNELS = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
/** @type {Pass[]} */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];
const GRAY = 0;

/**
 * Whether browsers may give other numbers than the file's: it is translucent, has 16 bits a sample, lies on its side or may ask for
 * colors that its palette has not.
 * @param {Png} png
 */
export const isDecodedHere = ({ depth, type, palette, transparency, orientation }) =>
  depth === 16 ||
  type === 4 ||
  type === 6 ||
  transparency !== undefined ||
  orientation !== 1 ||
  (type === 3 && (palette?.length ?? 0) < 3 << depth);

/**
 * @param {Png} png
 * @returns {Promise<Image>} upright
 * @throws where it is damaged
 */
export async function decodePng(png) {
  const { width, height, interlaced, depth, type } = png;
  if (!width || !height || !CHANNELS[type]) throw new Error("no PNG header");
  // A header is soon written: no memory is taken for what it claims.
  if (width * height > MOST_PIXELS) throw tooLarge();
  const pixelBits = CHANNELS[type] * depth;
  const data = new Uint8ClampedArray(width * height * 4);
  const inflated = inflate(png.data);
  const write = rowWriter(png, data);
  for (const [x0, y0, dx, dy] of interlaced ? ADAM7 : [/** @type {Pass} */ ([0, 0, 1, 1])]) {
    const columns = Math.ceil((width - x0) / dx);
    if (columns <= 0) continue;
    const length = 1 + Math.ceil((columns * pixelBits) / 8);
    let above = new Uint8Array(length);
    let row = new Uint8Array(length);
    for (let y = y0; y < height; y += dy) {
      await inflated.fill(row);
      unfilter(row, above, Math.max(1, pixelBits >> 3));
      write(row, columns, (y * width + x0) * 4, dx * 4);
      [row, above] = [above, row];
    }
  }
  inflated.close();
  return turned({ width, height, data }, png.orientation);
}

/**
 * @param {Bytes[]} parts of one zlib stream
 * @returns {{ fill: (into: Uint8Array) => void | Promise<void>, close: () => void }} fill: with the next bytes, as many as it holds
 */
function inflate(parts) {
  const inflater = new DecompressionStream("deflate");
  const writer = inflater.writable.getWriter();
  // What is wrong with the stream is told to whoever reads it.
  for (const part of parts) writer.write(part).catch(() => {});
  writer.close().catch(() => {});
  const reader = inflater.readable.getReader();
  let left = new Uint8Array();
  /** @param {Uint8Array} into */
  const take = (into, at = 0) => {
    const some = left.subarray(0, into.length - at);
    into.set(some, at);
    left = left.subarray(some.length);
    return at + some.length;
  };
  /** @param {Uint8Array} into @param {number} at */
  async function wait(into, at) {
    while (at < into.length) {
      const { value, done } = await reader.read();
      if (done) throw new Error("the picture ends early");
      left = value;
      at = take(into, at);
    }
  }
  return {
    fill(into) {
      const at = take(into);
      return at < into.length ? wait(into, at) : undefined;
    },
    close: () => void reader.cancel().catch(() => {}),
  };
}

/**
 * @param {Uint8Array} row its filter and its bytes, which are changed in place
 * @param {Uint8Array} above the row before, as it came out
 * @param {number} step bytes a pixel
 */
function unfilter(row, above, step) {
  const [filter] = row;
  if (filter > 4) throw new Error("no such filter");
  if (filter === 0) return;
  for (let i = 1; i < row.length; i++) {
    const left = i > step ? row[i - step] : 0;
    const up = above[i];
    if (filter === 1) row[i] += left;
    else if (filter === 2) row[i] += up;
    else if (filter === 3) row[i] += (left + up) >> 1;
    else row[i] += paeth(left, up, i > step ? above[i - step] : 0);
  }
}

/** @param {number} left @param {number} up @param {number} corner */
function paeth(left, up, corner) {
  const toLeft = Math.abs(up - corner);
  const toUp = Math.abs(left - corner);
  const toCorner = Math.abs(left + up - 2 * corner);
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}

/**
 * @param {Png} png
 * @param {Uint8ClampedArray} data
 * @returns {(row: Uint8Array, columns: number, at: number, step: number) => void} writes a row's pixels from `at` on, each
 *   `step` bytes after the one before
 */
function rowWriter({ type, depth, palette, transparency }, data) {
  const bytes = depth === 16 ? 2 : 1;
  const channels = CHANNELS[type];
  // One clear color of 16 bits is not looked for: Python has the high bytes alone.
  const clear = type < 3 && depth < 16 ? transparency : undefined;
  const scale = type === GRAY && depth < 8 ? 255 / ((1 << depth) - 1) : 1;
  return (row, columns, at, step) => {
    const samples = depth < 8 ? unpacked(row, columns, depth) : row;
    for (let x = 0, from = depth < 8 ? 0 : 1; x < columns; x++, from += channels * bytes, at += step) {
      if (type === 3) {
        const entry = samples[from];
        for (let k = 0; k < 3; k++) data[at + k] = palette?.[entry * 3 + k] ?? 0;
        data[at + 3] = transparency?.[entry] ?? 255;
        continue;
      }
      const colors = channels > 2 ? bytes : 0;
      data[at] = samples[from] * scale;
      data[at + 1] = samples[from + colors] * scale;
      data[at + 2] = samples[from + 2 * colors] * scale;
      if (channels % 2 === 0) data[at + 3] = samples[from + (channels - 1) * bytes];
      else data[at + 3] = clear && isClear(samples, from, channels, clear) ? 0 : 255;
    }
  };
}

/**
 * @param {Uint8Array} row
 * @param {number} columns
 * @param {number} depth 1, 2 or 4
 */
function unpacked(row, columns, depth) {
  const samples = new Uint8Array(columns);
  const perByte = 8 / depth;
  for (let x = 0; x < columns; x++) {
    const shift = 8 - depth * ((x % perByte) + 1);
    samples[x] = (row[1 + Math.floor(x / perByte)] >> shift) & ((1 << depth) - 1);
  }
  return samples;
}

/**
 * @param {Uint8Array} samples
 * @param {number} from
 * @param {number} channels
 * @param {Bytes} clear two bytes a sample
 */
function isClear(samples, from, channels, clear) {
  for (let k = 0; k < channels; k++) if (samples[from + k] !== clear[k * 2 + 1]) return false;
  return true;
}
