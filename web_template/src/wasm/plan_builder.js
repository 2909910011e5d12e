// A forward pass being drawn up: its steps in order, what each reads and writes, and where all of it lies in memory.
import { rows } from "./weight_layout.js";
import { count } from "./weights.js";

/**
 * @typedef {import("./kernels.js").WasmRuntime} WasmRuntime
 * @typedef {{ floats: number, first: number, last: number, address: number }} Buffer steps between which it is in use
 * @typedef {{ address: number }} Placed a constant
 * @typedef {{ shape: number[], buffer: Buffer }} Computed
 * @typedef {{ shape: number[], constant: import("./weights.js").Constant }} Known
 * @typedef {Known | Computed} Value
 * @typedef {() => void} Step
 */

const ALIGNMENT = 64;
/** Bytes behind a buffer that kernels may read and write: a panel's eight floats, of which at most seven are written. */
const BEHIND = 32;

export class PlanBuilder {
  /** @type {((machine: WasmRuntime) => Step)[]} */
  #steps = [];
  /** @type {Buffer[]} */
  #buffers = [];
  /** @type {{ placed: Placed, constant: import("./weight_layout.js").Placement }[]} */
  #placed = [];
  /** Those that lie there row by row. @type {Map<import("./weights.js").Constant, Placed>} */
  #whole = new Map();

  /**
   * @param {number[]} shape
   * @returns {Computed} what the next step writes
   */
  value(shape) {
    return { shape, buffer: this.buffer(count(shape)) };
  }

  /**
   * @param {number} floats
   * @returns {Buffer} in use from the next step on
   */
  buffer(floats) {
    const buffer = { floats, first: this.#steps.length, last: this.#steps.length, address: 0 };
    this.#buffers.push(buffer);
    return buffer;
  }

  /**
   * @param {import("./weight_layout.js").Placement} constant
   * @returns {Placed} written into memory once
   */
  place(constant) {
    const placed = { address: 0 };
    this.#placed.push({ placed, constant });
    return placed;
  }

  /**
   * @param {Value} value
   * @returns {Buffer | Placed} where it will lie
   */
  whereabouts(value) {
    if ("buffer" in value) return value.buffer;
    let placed = this.#whole.get(value.constant);
    if (!placed) this.#whole.set(value.constant, (placed = this.place(rows(value.constant))));
    return placed;
  }

  /**
   * @param {Value[]} read
   * @param {(machine: WasmRuntime) => Step} make called when all addresses are known
   */
  step(read, make) {
    for (const value of read) if ("buffer" in value) value.buffer.last = this.#steps.length;
    this.#steps.push(make);
  }

  /** @param {Computed} value read when all steps are done */
  keep({ buffer }) {
    buffer.last = Infinity;
  }

  /**
   * @param {WasmRuntime} machine
   * @returns {Step[]}
   */
  finish(machine) {
    let size = 0;
    for (const { placed, constant } of this.#placed) {
      placed.address = size;
      size += aligned(constant.floats * 4);
    }
    // Kernels may read a few floats behind a constant too: there lie other constants or, behind the last, the buffers.
    // Until the first pass, the room of what is computed serves as scratch.
    const scratch = this.#placed.reduce((most, { constant }) => Math.max(most, constant.scratch), 0);
    const start = machine.reserve(size + Math.max(scratch, arrange(this.#buffers, size)));
    for (const item of [...this.#placed.map(({ placed }) => placed), ...this.#buffers]) item.address += start;
    for (const { placed, constant } of this.#placed) constant.write(machine, placed.address, start + size);
    machine.held += this.#placed.length + this.#buffers.length;
    return this.#steps.map((make) => make(machine));
  }
}

/**
 * Gives each buffer the first gap between those that are in use at the same time.
 * @param {Buffer[]} buffers in the order of their first use
 * @param {number} start
 * @returns {number} bytes taken
 */
function arrange(buffers, start) {
  let end = start;
  /** @type {Buffer[]} */
  let inUse = [];
  for (const buffer of buffers) {
    inUse = inUse.filter(({ last }) => last >= buffer.first).sort((a, b) => a.address - b.address);
    const size = aligned(buffer.floats * 4 + BEHIND);
    buffer.address = start;
    for (const other of inUse) {
      if (buffer.address + size <= other.address) break;
      buffer.address = Math.max(buffer.address, other.address + aligned(other.floats * 4 + BEHIND));
    }
    inUse.push(buffer);
    end = Math.max(end, buffer.address + size);
  }
  return end - start;
}

/** @param {number} bytes */
const aligned = (bytes) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
