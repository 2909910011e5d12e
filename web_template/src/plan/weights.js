// The constants of a stock TF.js graph model, widened from the types in which they are stored.
import { NotPlanned } from "./not_planned.js";

/**
 * @typedef {{ name: string, shape: number[], dtype: string, quantization?: { dtype: string, min?: number, scale?: number } }} Spec
 * @typedef {{ weights: Spec[] }[]} WeightsManifest
 * @typedef {{ shape: number[], data: Float32Array | Int32Array }} Constant
 */

/** @type {Record<string, number>} */
const BYTES = { float32: 4, int32: 4, bool: 1, float16: 2, uint16: 2, uint8: 1 };

export class Weights {
  /** @type {Map<string, { spec: Spec, at: number }>} */
  #places = new Map();
  #bytes;

  /**
   * @param {WeightsManifest} manifest
   * @param {ArrayBuffer} bytes all shards, one behind the other
   */
  constructor(manifest, bytes) {
    this.#bytes = bytes;
    let at = 0;
    for (const spec of manifest.flatMap(({ weights }) => weights)) {
      this.#places.set(spec.name, { spec, at });
      at += count(spec.shape) * (BYTES[storedAs(spec)] ?? NaN);
    }
    // Another type, strings for instance, leaves the places after it unknown.
    if (at !== bytes.byteLength) throw new NotPlanned("a weight's type");
  }

  /**
   * @param {string} name
   * @returns {Constant} a copy, aligned
   */
  read(name) {
    const place = this.#places.get(name);
    if (!place) throw new NotPlanned(`the constant ${name}`);
    const { spec, at } = place;
    const stored = storedAs(spec);
    const bytes = this.#bytes.slice(at, at + count(spec.shape) * BYTES[stored]);
    return { shape: spec.shape, data: widened(spec, stored, bytes) };
  }
}

/** @param {Spec} spec */
const storedAs = ({ dtype, quantization }) => quantization?.dtype ?? dtype;

/**
 * @param {Spec} spec
 * @param {string} stored
 * @param {ArrayBuffer} bytes
 */
function widened({ dtype, quantization }, stored, bytes) {
  if (dtype === "int32" && !quantization) return new Int32Array(bytes);
  if (dtype !== "float32") throw new NotPlanned(`a weight of ${dtype}`);
  if (!quantization) return new Float32Array(bytes);
  if (stored === "float16") return fromHalves(new Uint16Array(bytes));
  const codes = stored === "uint8" ? new Uint8Array(bytes) : new Uint16Array(bytes);
  const { scale = 1, min = 0 } = quantization;
  const values = new Float32Array(codes.length);
  for (let i = 0; i < codes.length; i++) values[i] = codes[i] * scale + min;
  return values;
}

/**
 * IEEE 754 binary16, widened bit by bit: a call for each number would take longer than all else of loading.
 * @param {Uint16Array} halves
 */
function fromHalves(halves) {
  const bits = new Uint32Array(halves.length);
  const values = new Float32Array(bits.buffer);
  for (let i = 0; i < bits.length; i++) {
    const half = halves[i];
    const exponent = half & 0x7c00;
    const fraction = half & 0x3ff;
    if (exponent === 0) values[i] = fraction * 2 ** -24;
    else bits[i] = (exponent === 0x7c00 ? 0x7f800000 : (exponent << 13) + 0x38000000) | (fraction << 13);
    bits[i] |= (half & 0x8000) << 16;
  }
  return values;
}

/** @param {number[]} shape */
export const count = (shape) => shape.reduce((product, size) => product * size, 1);
