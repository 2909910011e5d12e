// Large products of matrices by seven products of their quarters instead of eight: V. Strassen, "Gaussian elimination is not
// optimal" (1969), in S. Winograd's form. The kernels multiply about as fast as a processor can: only fewer products are faster.
//   S1 = A21 + A22   S2 = S1 - A11    S3 = A11 - A21   S4 = A12 - S2
//   T1 = B12 - B11   T2 = B22 - T1    T3 = B22 - B12   T4 = B21 - T2
//   U = A11 · B11 + S2 · T2           C11 = A11 · B11 + A12 · B21    C21 = U + S3 · T3 + A22 · T4
//   W = U + S1 · T1                   C12 = W + S4 · B22             C22 = W + S3 · T3
// The T are computed once, the S in one pass, and most other sums cost nothing: a product starts from what is added to it.
//
// What it costs: an error is bounded by the largest values of both matrices, no longer by what an output itself reads (N. Higham,
// "Accuracy and Stability of Numerical Algorithms", chapter 23). Where one of 128 channels is 100 times larger than the others,
// outputs of about 1 that do not read it are off by 3e-5, and by 3e-4 where it is 1,000 times larger; by panels by 7e-7. Networks
// keep their channels within such bounds, by ReLU6 or by normalizing batches; and for one that does not, a build compares its
// probabilities in the browser with Python's, to 1e-4, and the page those of one picture each time that it loads, to 1e-3.
import { intoPanels, packedPanels } from "./weight_layout.js";

/**
 * @typedef {import("./weights.js").Constant} Constant
 * @typedef {{ rows: number, depth: number, columns: number }} Sizes of a product: rows × depth by depth × columns
 */

/** As kernels/elements.ts numbers it. */
const SUB = 1;
const FLOAT = 4;

/**
 * Whether the sums cost less than the product that they save, and halves of the matrices fit the kernels.
 * @param {Sizes} sizes
 */
export const pays = ({ rows, depth, columns }) =>
  Math.min(rows, depth, columns) >= 96 && depth % 8 === 0 && columns % 16 === 0;

/**
 * Floats from one row to the next: rows that lie multiples of 2 KB apart drive each other out of the cache.
 * @param {number} floats of a row
 */
export const between = (floats) => (floats % 512 === 0 ? floats + 16 : floats);

/**
 * A step that writes x · matrix + bias. Its halves have an even number of rows: those in the middle may belong to both.
 * @param {import("./plan_builder.js").PlanBuilder} builder
 * @param {import("./plan_builder.js").Value} x rows × depth
 * @param {import("./plan_builder.js").Computed} out rows × columns
 * @param {Constant} matrix depth × columns
 * @param {Constant | undefined} bias [columns]
 * @param {Sizes} sizes for which it pays
 * @param {{ low: number, high: number }} bounds of what it writes
 */
export function strassen(builder, x, out, matrix, bias, { rows, depth, columns }, { low, high }) {
  const half = Math.ceil(rows / 4) * 2;
  const [from, { buffer: to }] = [builder.whereabouts(x), out];
  const weights = builder.place(quarters(matrix, bias, depth, columns));
  const wide = between((depth / 2) * 7);
  const [pitch, sumsPitch, outPitch] = [depth * FLOAT, wide * FLOAT, columns * FLOAT];
  const [sums, parts] = [builder.buffer(half * wide), builder.buffer(half * columns)];
  builder.step([x], ({ kernels }) => {
    const [bottom, below] = [from.address + (rows - half) * pitch, to.address + (rows - half) * outPitch];
    const [a11, a12, a22, s1, s2, s3, s4] = addresses(sums.address, pitch / 2);
    const [b11, t3, b21, b22, t1, t2, t4] = addresses(weights.address, quarter(depth, columns) * FLOAT);
    const [[u, w], [c11, c12], [c21, c22]] = [parts.address, to.address, below].map((at) =>
      addresses(at, outPitch / 2),
    );
    /** @param {number} a @param {number} b @param {number} start @param {number} c */
    const multiply = (a, b, start, c, least = -Infinity, most = Infinity) => {
      kernels.gemm(a, sumsPitch, b, start, c, outPitch, half, depth / 2, columns / 2, least, most);
    };
    return () => {
      kernels.sums(from.address, bottom, sums.address, sumsPitch, half, depth / 2);
      multiply(a11, b11, 0, u);
      multiply(a12, b21, u, c11, low, high);
      multiply(s2, t2, u, u);
      multiply(s1, t1, u, w);
      multiply(s4, b22, w, c12, low, high);
      multiply(s3, t3, u, c22);
      multiply(a22, t4, c22, c21, low, high);
      kernels.corner(u, c22, half, columns / 2, low, high);
    };
  });
}

/**
 * B11, T3, B21, B22, T1, T2 and T4 in panels. C11 and C21 get their biases with their last product, C12 and C22 from W.
 * @param {Constant} matrix
 * @param {Constant | undefined} bias
 * @param {number} depth
 * @param {number} columns
 * @returns {import("./weight_layout.js").Placement}
 */
function quarters(matrix, bias, depth, columns) {
  const size = (depth / 2) * columns;
  const [upper, lower] = [0, size].map((first) => packedPanels(matrix.part(first, size), depth / 2, columns));
  const floats = quarter(depth, columns);
  return {
    floats: 7 * floats,
    scratch: upper.scratch,
    write: (machine, at, scratch) => {
      const [b11, b12, b21, b22, t1, t2, t4] = addresses(at, floats * FLOAT);
      /** @param {number} a @param {number} b @param {number} out */
      const subtract = (a, b, out) => machine.kernels.combine(SUB, a, b, out, floats, floats);
      // Panels of all columns are those of the left half with those of the right half behind them.
      upper.write(machine, b11, scratch);
      lower.write(machine, b21, scratch);
      subtract(b12, b11, t1);
      subtract(b22, t1, t2);
      subtract(b21, t2, t4);
      subtract(b22, b12, b12);
      if (!bias) return;
      const [left, right] = [0, columns / 2].map((first) => bias.part(first, columns / 2));
      for (const to of [b21, t4]) intoPanels(machine, left, depth / 2, columns / 2, to, scratch);
      intoPanels(machine, right, depth / 2, columns / 2, t1, scratch);
    },
  };
}

/** @param {number} depth @param {number} columns @returns {number} floats of a quarter of the matrix, in panels */
const quarter = (depth, columns) => ((depth / 2 + 1) * columns) / 2;

/** @param {number} first @param {number} apart @returns {number[]} */
const addresses = (first, apart) => Array.from({ length: 7 }, (_, i) => first + i * apart);
