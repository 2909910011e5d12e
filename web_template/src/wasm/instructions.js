// a · b + c in the kernels: kernels/simd.ts writes two instructions for it that no kernel uses in earnest, and others take their
// places before the kernels are compiled.

/** In hexadecimal digits. */
export const MARKS = ["fd8201", "fd9b01"];

/** @typedef {{ digits: string[], rowsPerTile: number }} Instructions for MARKS, and the rows that kernels/gemm.ts computes together */

/** f32x4.mul and f32x4.add. @type {Instructions} */
export const PLAIN = { digits: ["fde601", "fde401"], rowsPerTile: 4 };
/** Three times nop and f32x4.relaxed_madd. @type {Instructions} */
export const RELAXED = { digits: ["010101", "fd8502"], rowsPerTile: 6 };

/**
 * @param {string} code the kernels in hexadecimal digits
 * @param {Instructions} instructions
 */
export function filled(code, { digits }) {
  const text = MARKS.reduce((text, mark, i) => text.replaceAll(mark, digits[i]), code);
  return Uint8Array.fromHex?.(text) ?? Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}
