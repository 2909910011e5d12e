// How constants are laid into memory: widened there, a little at a time, so that no second copy of them is ever held.
import { require } from "./unsupported_graph.js";
import { count } from "./weights.js";

/**
 * @typedef {import("./weights.js").Constant} Constant
 * @typedef {import("./kernels.js").WasmRuntime} WasmRuntime
 *
 * @typedef {object} Placement
 * @property {number} floats that it takes, all zero before
 * @property {number} scratch bytes that write() needs for itself
 * @property {(machine: WasmRuntime, at: number, scratch: number) => void} write
 */

/** Columns of a panel: as in kernels/gemm.ts. */
const WIDE = 8;
const FLOAT = 4;
/** Values that are widened at a time. */
const CHUNK = 16384;

/**
 * Constants row by row, one behind the other.
 * @param {(Constant | number)[]} parts a number is so many zeros
 * @returns {Placement}
 */
export function rows(...parts) {
  const sizes = parts.map((part) => (typeof part === "number" ? part : count(floats(part).shape)));
  return {
    floats: sizes.reduce((sum, size) => sum + size, 0),
    scratch: CHUNK * FLOAT,
    write: (machine, at, scratch) => {
      parts.forEach((part, i) => {
        for (let from = 0; typeof part !== "number" && from < sizes[i]; from += CHUNK) {
          part.widen(machine, from, Math.min(CHUNK, sizes[i] - from), scratch, at + from * FLOAT);
        }
        at += sizes[i] * FLOAT;
      });
    },
  };
}

/**
 * A matrix as kernels/gemm.ts wants it: in panels of eight columns, each with its biases first.
 * @param {Constant} matrix depth × columns
 * @param {number} depth
 * @param {number} columns
 * @param {Constant} [bias] [columns]
 * @returns {Placement}
 */
export function packedPanels(matrix, depth, columns, bias) {
  return {
    floats: Math.ceil(columns / WIDE) * (depth + 1) * WIDE,
    scratch: together(columns) * columns * FLOAT * 2,
    write: (machine, at, scratch) => {
      if (bias) intoPanels(machine, bias, depth, columns, at, scratch);
      intoPanels(machine, matrix, depth, columns, at + WIDE * FLOAT, scratch);
    },
  };
}

/**
 * Lays rows of `columns` values into panels `depth` rows deep, from the row on that lies at `at`.
 * @param {WasmRuntime} machine
 * @param {Constant} constant
 * @param {number} depth
 * @param {number} columns
 * @param {number} at address
 * @param {number} scratch address
 */
export function intoPanels(machine, constant, depth, columns, at, scratch) {
  const rows = count(floats(constant).shape) / columns;
  const most = together(columns);
  const widened = scratch + most * columns * FLOAT;
  for (let row = 0; row < rows; row += most, at += most * WIDE * FLOAT) {
    const many = Math.min(most, rows - row);
    constant.widen(machine, row * columns, many * columns, scratch, widened);
    machine.kernels.panels(widened, at, many, columns, (depth + 1) * WIDE * FLOAT);
  }
}

/** @param {number} columns @returns {number} rows that are widened at a time */
const together = (columns) => Math.max(1, Math.floor(CHUNK / columns));

/**
 * As packedPanels(), of a matrix that lies on its side.
 * @param {Constant} matrix columns × depth
 * @param {number} depth
 * @param {number} columns
 * @param {Constant} [bias] [columns]
 * @returns {Placement}
 */
export function packedPanelsTransposed(matrix, depth, columns, bias) {
  const upright = packedPanels(matrix, depth, columns, bias);
  const stored = Math.max(depth, columns) * FLOAT;
  return {
    floats: upright.floats,
    scratch: stored * 2,
    write: (machine, at, scratch) => {
      const panel = (depth + 1) * WIDE;
      const out = machine.floats(at, upright.floats);
      const column = machine.floats(scratch + stored, Math.max(depth, columns));
      const place = (/** @type {number} */ i) => Math.floor(i / WIDE) * panel + (i % WIDE);
      if (bias) {
        floats(bias).widen(machine, 0, columns, scratch, scratch + stored);
        for (let i = 0; i < columns; i++) out[place(i)] = column[i];
      }
      for (let i = 0; i < columns; i++) {
        matrix.widen(machine, i * depth, depth, scratch, scratch + stored);
        for (let row = 0, to = place(i) + WIDE; row < depth; row++, to += WIDE) out[to] = column[row];
      }
    },
  };
}

/** @param {Constant} constant */
function floats(constant) {
  require(constant.isFloat, "whole numbers where floats are expected");
  return constant;
}
