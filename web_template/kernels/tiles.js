// Writes the tiles of gemm.ts: rows of one panel, computed together. They are written out, since engines keep sums in registers
// only where each has a name of its own.

/** @param {number} rows @param {(row: number) => string[]} lines @returns {string[]} */
const each = (rows, lines) => Array.from({ length: rows }, (_, row) => lines(row)).flat();

/**
 * @param {string} name of the function
 * @param {number} rows that it computes
 */
function tile(name, rows) {
  const later = (/** @type {(row: number) => string[]} */ lines) => each(rows - 1, (row) => lines(row + 1));
  return [
    `export function ${name}(`,
    "  a0: usize, pitch: usize, panel: usize, start: usize, out: usize, outPitch: usize, depth: usize, ahead: usize, step: usize,",
    "  low: f32, high: f32,",
    "): void {",
    "  const end = a0 + depth * 4;",
    ...later((row) => [`  let a${row} = a${row - 1} + pitch;`]),
    "  let c00 = v128.load(panel);",
    "  let c01 = v128.load(panel, 16);",
    ...later((row) => [`  let c${row}0 = c00;`, `  let c${row}1 = c01;`]),
    "  if (start) {",
    ...each(rows, (row) => [
      ...(row ? ["    start += outPitch;"] : []),
      `    c${row}0 = f32x4.add(c${row}0, v128.load(start));`,
      `    c${row}1 = f32x4.add(c${row}1, v128.load(start, 16));`,
    ]),
    "  }",
    "  while (a0 < end) {",
    "    load<u8>(ahead);",
    "    ahead += step;",
    "    panel += PANEL;",
    "    const b0 = v128.load(panel);",
    "    const b1 = v128.load(panel, 16);",
    ...each(rows, (row) => [
      `    ${row ? "" : "let "}x = v128.load32_splat(a${row});`,
      `    c${row}0 = madd(x, b0, c${row}0);`,
      `    c${row}1 = madd(x, b1, c${row}1);`,
    ]),
    ...each(rows, (row) => [`    a${row} += 4;`]),
    "  }",
    ...each(rows, (row) => [...(row ? ["  out += outPitch;"] : []), `  store(out, c${row}0, c${row}1, low, high);`]),
    "}",
  ].join("\n");
}

/** The text of tiles.ts, which lies in no folder: the compiler is given it. */
export const TILES = [
  'import { madd, store } from "./simd";',
  "const PANEL: usize = 32;",
  tile("six", 6),
  tile("four", 4),
].join("\n");
