// Pillow's Image.resize(BILINEAR) on 8-bit pixels, bit for bit (libImaging/Resample.c): a triangle filter, widened when
// shrinking, in 22-bit fixed point, the horizontal pass first, rounded to 8 bits between the passes.

import { WasmRuntime } from "../wasm/kernels.js";

const PRECISION_BITS = 22;
/** The kernels read and write up to sixteen bytes past a picture's end; addresses stay multiples of four. */
const SLACK = 16;

/**
 * For each output pixel: the first input pixel it draws on, how many, and their weights.
 * @typedef {{ first: Int32Array, count: Int32Array, weights: Int32Array, stride: number }} Filter
 */

/**
 * @param {number} from input length in pixels
 * @param {number} to output length in pixels
 * @returns {Filter}
 */
export function triangle(from, to) {
  const scale = from / to;
  const support = Math.max(scale, 1);
  const stride = Math.ceil(support) * 2 + 1;
  const filter = {
    first: new Int32Array(to),
    count: new Int32Array(to),
    weights: new Int32Array(to * stride),
    stride,
  };
  const exact = new Float64Array(stride);
  const narrow = 1 / support;
  for (let i = 0; i < to; i++) {
    const center = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const count = Math.min(from, Math.trunc(center + support + 0.5)) - first;
    let sum = 0;
    for (let k = 0; k < count; k++) {
      const distance = Math.abs((k + first - center + 0.5) * narrow);
      exact[k] = distance < 1 ? 1 - distance : 0;
      sum += exact[k];
    }
    filter.first[i] = first;
    filter.count[i] = count;
    for (let k = 0; k < count; k++) {
      const weight = sum === 0 ? exact[k] : exact[k] / sum;
      filter.weights[i * stride + k] = Math.trunc(0.5 + weight * (1 << PRECISION_BITS));
    }
  }
  return filter;
}

/**
 * @typedef {object} Strips
 * @property {(count: number) => Uint8Array<ArrayBuffer>} rows where so many rows are to be written, RGBA or BGRA, opaque
 * @property {(count: number) => void} add takes them; from the top down
 * @property {(blueFirst: boolean) => Uint8ClampedArray<ArrayBuffer>} finish side × side × 3, RGB
 */

/** Makes squares of pictures that come strip by strip; one picture at a time. */
export class Resizer {
  #machine = new WasmRuntime();
  #room = 0;

  /**
   * @param {number} width of the picture
   * @param {number} height
   * @param {number} side of the square
   * @param {number} strip rows that come at a time, at most
   * @returns {Strips}
   */
  start(width, height, side, strip) {
    const { kernels } = this.#machine;
    let end = 0;
    const room = (/** @type {number} */ bytes) => (end += bytes + SLACK) - bytes - SLACK;
    const [rows, narrow, square] = [room(strip * width * 4), room(height * side * 4), room(side * side * 4)];
    const [across, down] = [triangle(width, side), triangle(height, side)].map((filter) => ({
      ...filter,
      first: { data: filter.first, at: room(filter.first.byteLength) },
      count: { data: filter.count, at: room(filter.count.byteLength) },
      weights: { data: filter.weights, at: room(filter.weights.byteLength) },
    }));
    if (end > this.#room) {
      this.#machine.reserve(end - this.#room);
      this.#room = end;
    }
    for (const { data, at } of [across, down].flatMap(({ first, count, weights }) => [first, count, weights])) {
      this.#machine.octets(at, data.byteLength).set(new Uint8Array(data.buffer));
    }
    let to = narrow;
    return {
      rows: (count) => this.#machine.octets(rows, count * width * 4),
      add: (added) => {
        const { first, count, weights, stride } = across;
        kernels.resizeRows(rows, to, added, width, side, first.at, count.at, weights.at, stride);
        to += added * side * 4;
      },
      finish: (blueFirst) => {
        const { first, count, weights, stride } = down;
        kernels.resizeColumns(narrow, square, side, side, first.at, count.at, weights.at, stride);
        return toRgb(this.#machine.octets(square, side * side * 4), blueFirst);
      },
    };
  }
}

/**
 * @param {Uint8Array} pixels four bytes each
 * @param {boolean} blueFirst
 */
function toRgb(pixels, blueFirst) {
  const rgb = new Uint8ClampedArray((pixels.length / 4) * 3);
  const [red, blue] = blueFirst ? [2, 0] : [0, 2];
  for (let from = 0, to = 0; from < pixels.length; from += 4, to += 3) {
    rgb[to] = pixels[from + red];
    rgb[to + 1] = pixels[from + 1];
    rgb[to + 2] = pixels[from + blue];
  }
  return rgb;
}
