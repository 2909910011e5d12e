// The constants of a stock TF.js graph model: where each is stored, and its values when they are asked for.
import { UnsupportedGraph, require } from "./unsupported_graph.js";

/**
 * @typedef {{ name: string, shape: number[], dtype: string, quantization?: { dtype: string, min?: number, scale?: number } }} Spec
 * @typedef {{ weights: Spec[] }[]} WeightsManifest
 */

/** @type {Record<string, number>} */
const BYTES = { float32: 4, int32: 4, bool: 1, float16: 2, uint16: 2, uint8: 1 };
/** The types that kernels/weights.ts widens, as it numbers them. */
const KINDS = ["float32", "uint8", "uint16", "float16"];

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
    if (at !== bytes.byteLength) throw new UnsupportedGraph("a weight's type");
  }

  /** @param {string} name */
  read(name) {
    const place = this.#places.get(name);
    if (!place) throw new UnsupportedGraph(`the constant ${name}`);
    const { spec, at } = place;
    return new Constant(spec, new Uint8Array(this.#bytes, at, count(spec.shape) * BYTES[storedAs(spec)]));
  }
}

/** One constant: its values stay as they are stored until they are asked for. */
export class Constant {
  #spec;
  #bytes;
  #kind;

  /**
   * @param {Spec} spec
   * @param {Uint8Array<ArrayBuffer>} bytes
   */
  constructor(spec, bytes) {
    this.#spec = spec;
    this.#bytes = bytes;
    this.#kind = KINDS.indexOf(storedAs(spec));
    const known = spec.dtype === "float32" ? this.#kind >= 0 : spec.dtype === "int32" && !spec.quantization;
    if (!known) throw new UnsupportedGraph(`a weight of ${spec.dtype}`);
  }

  get shape() {
    return this.#spec.shape;
  }

  get isFloat() {
    return this.#spec.dtype === "float32";
  }

  /** Bytes that one value takes as it is stored. */
  get width() {
    return BYTES[storedAs(this.#spec)];
  }

  /**
   * @param {number} from
   * @param {number} many
   * @returns {Constant} values `from` … `from + many`, in a row
   */
  part(from, many) {
    const { width } = this;
    return new Constant({ ...this.#spec, shape: [many] }, this.#bytes.subarray(from * width, (from + many) * width));
  }

  /**
   * Writes values `from` … `from + many` as floats.
   * @param {import("./kernels.js").WasmRuntime} machine
   * @param {number} from
   * @param {number} many
   * @param {number} scratch address of room for them as they are stored
   * @param {number} out address
   */
  widen(machine, from, many, scratch, out) {
    const { scale = 1, min = 0 } = this.#spec.quantization ?? {};
    const { width } = this;
    machine.octets(scratch, many * width).set(this.#bytes.subarray(from * width, (from + many) * width));
    machine.kernels.dequantize(scratch, out, many, this.#kind, scale, min);
  }

  /** All values of an int32 constant. */
  get integers() {
    require(!this.isFloat, "floats where whole numbers are expected");
    return new Int32Array(this.#bytes.slice().buffer);
  }
}

/** @param {Spec} spec */
const storedAs = ({ dtype, quantization }) => quantization?.dtype ?? dtype;

/** @param {number[]} shape */
export const count = (shape) => shape.reduce((product, size) => product * size, 1);
