// The machine that plans and pictures run on: a WASM memory, and the kernels of web_template/kernels on it.
import { PagesightError, asPagesightError } from "../errors.js";
import { PLAIN, RELAXED, filled } from "./instructions.js";
import code from "kernels:wasm";

/**
 * @typedef {object} Kernels channels last, addresses in bytes; see the sources
 * @property {(a: number, pitch: number, panels: number, start: number, out: number, outPitch: number, rows: number, depth: number, columns: number, low: number, high: number) => void} gemm
 * @property {(top: number, bottom: number, out: number, pitch: number, rows: number, half: number) => void} sums
 * @property {(u: number, out: number, rows: number, half: number, low: number, high: number) => void} corner
 * @property {(x: number, weights: number, out: number, height: number, width: number, channels: number, size: number, stride: number, top: number, left: number, rows: number, columns: number, low: number, high: number) => void} depthwise
 * @property {(x: number, out: number, height: number, width: number, channels: number, size: number, stride: number, y: number, left: number, columns: number) => void} patches
 * @property {(x: number, out: number, pitch: number, rows: number, bytes: number) => void} spread
 * @property {(stored: number, out: number, count: number, kind: number, scale: number, low: number) => void} dequantize
 * @property {(matrix: number, out: number, rows: number, columns: number, pitch: number) => void} panels
 * @property {(x: number, out: number, count: number) => void} widen
 * @property {(x: number, out: number, count: number, low: number, high: number) => void} bound
 * @property {(operation: number, a: number, b: number, out: number, count: number, period: number) => void} combine
 * @property {(x: number, out: number, places: number, channels: number) => void} mean
 * @property {(pixels: number, out: number, rows: number, width: number, places: number, first: number, count: number, weights: number, stride: number) => void} resizeRows
 * @property {(pixels: number, out: number, width: number, places: number, first: number, count: number, weights: number, stride: number) => void} resizeColumns
 */

const PAGE = 65536;
/** With the rows that kernels/gemm.ts computes together. @type {{ module: WebAssembly.Module, rowsPerTile: number } | undefined} */
let compiled;

export class WasmRuntime {
  #memory;
  #end = 0;
  /** Tensors that lie in memory. */
  held = 0;

  /** @throws {PagesightError} with code no-wasm or old-browser */
  constructor() {
    compiled ??= compile();
    this.#memory = new WebAssembly.Memory({ initial: 1 });
    const { exports } = new WebAssembly.Instance(compiled.module, { env: { memory: this.#memory } });
    /** @type {WebAssembly.Global} */ (exports.rowsPerTile).value = compiled.rowsPerTile;
    /** @readonly */
    this.kernels = /** @type {Kernels} */ (/** @type {unknown} */ (exports));
  }

  /** @returns {number} bytes of memory */
  get bytes() {
    return this.#memory.buffer.byteLength;
  }

  /**
   * @param {number} bytes
   * @returns {number} the address of fresh memory
   */
  reserve(bytes) {
    const address = this.#end;
    this.#end += bytes;
    const missing = this.#end - this.bytes;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / PAGE));
    return address;
  }

  /**
   * A view that holds until reserve() is called again.
   * @param {number} address
   * @param {number} length
   */
  floats(address, length) {
    return new Float32Array(this.#memory.buffer, address, length);
  }

  /**
   * @param {number} address
   * @param {number} length
   */
  octets(address, length) {
    return new Uint8Array(this.#memory.buffer, address, length);
  }
}

/** Compiles the kernels before they are needed, where that goes: what this browser lacks is told to whoever needs them. */
export function compileAhead() {
  try {
    compiled ??= compile();
  } catch {
    // A WasmRuntime will say it.
  }
}

/** @returns {NonNullable<typeof compiled>} */
function compile() {
  if (typeof WebAssembly !== "object") throw new PagesightError("no-wasm", "this browser has no WebAssembly");
  try {
    return compiledWith(RELAXED);
  } catch {
    if (!WebAssembly.validate(filled(code, PLAIN)))
      throw new PagesightError("old-browser", "this browser's WebAssembly has no SIMD instructions: it is too old");
  }
  try {
    return compiledWith(PLAIN);
  } catch (error) {
    // What is valid and yet not compiled is forbidden, by the page's policy or a lockdown mode.
    throw asPagesightError(error, "no-wasm");
  }
}

/** @param {import("./instructions.js").Instructions} instructions */
const compiledWith = (instructions) => ({
  module: new WebAssembly.Module(filled(code, instructions)),
  rowsPerTile: instructions.rowsPerTile,
});
