// Products of matrices: what a convolution of single places and a dense layer are.
import { packedPanels } from "./weight_layout.js";
import { between, pays, strassen } from "./strassen.js";

const FLOAT = 4;

/**
 * @typedef {import("./plan_builder.js").PlanBuilder} PlanBuilder
 * @typedef {import("./plan_builder.js").Value} Value
 * @typedef {import("./plan_builder.js").Computed} Computed
 * @typedef {import("./weights.js").Constant} Constant
 * @typedef {import("./strassen.js").Sizes} Sizes
 * @typedef {{ low: number, high: number }} Bounds of what is written
 */

/**
 * A step that writes x · matrix + bias, the fastest way.
 * @param {PlanBuilder} builder
 * @param {Value} x
 * @param {Computed} out
 * @param {Constant} matrix depth × columns
 * @param {Constant | undefined} bias [columns]
 * @param {Sizes} sizes
 * @param {Bounds} bounds
 */
export function multiply(builder, x, out, matrix, bias, sizes, bounds) {
  if (pays(sizes)) strassen(builder, x, out, matrix, bias, sizes, bounds);
  else byPanels(builder, x, out, packedPanels(matrix, sizes.depth, sizes.columns, bias), sizes, bounds);
}

/**
 * A step that writes x times the matrix in panels.
 * @param {PlanBuilder} builder
 * @param {Value} x
 * @param {Computed} out
 * @param {import("./weight_layout.js").Placement} matrix
 * @param {Sizes} sizes
 * @param {Bounds} bounds
 */
export function byPanels(builder, x, out, matrix, { rows, depth, columns }, { low, high }) {
  const [from, { buffer: to }, weights] = [builder.whereabouts(x), out, builder.place(matrix)];
  const apart = rows > 1 ? between(depth) : depth;
  const spread = apart === depth ? from : builder.buffer(rows * apart);
  builder.step([x], ({ kernels }) => () => {
    const pitch = apart * FLOAT;
    if (spread !== from) kernels.spread(from.address, spread.address, pitch, rows, depth * FLOAT);
    // prettier-ignore
    kernels.gemm(
      spread.address, pitch, weights.address, 0, to.address, columns * FLOAT, rows, depth, columns, low, high,
    );
  });
}
