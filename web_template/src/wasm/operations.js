// How each op of a graph becomes steps on the machine.
import { flag, fusion, integers, windows } from "./nodes.js";
import { require } from "./unsupported_graph.js";
import { packedPanels, rows as inRows, packedPanelsTransposed } from "./weight_layout.js";
import { byPanels, multiply } from "./products.js";
import { count } from "./weights.js";

/**
 * @typedef {import("./plan_builder.js").PlanBuilder} PlanBuilder
 * @typedef {import("./plan_builder.js").Value} Value
 * @typedef {import("./plan_builder.js").Computed} Computed
 * @typedef {import("./nodes.js").GraphNode} GraphNode
 * @typedef {(builder: PlanBuilder, node: GraphNode, inputs: Value[]) => Value} Operation
 */

/** The order of kernels/elements.ts. */
const ARITHMETIC = ["Add", "Sub", "Mul", "Div", "Minimum", "Maximum"];
const MAXIMUM = ARITHMETIC.indexOf("Maximum");

/** @type {Map<string, Operation>} */
export const OPERATIONS = new Map();

for (const name of ["Identity", "StopGradient"]) OPERATIONS.set(name, (_, __, [x]) => x);
for (const name of ["_FusedConv2D", "Conv2D"]) OPERATIONS.set(name, convolution);
for (const name of ["FusedDepthwiseConv2dNative", "DepthwiseConv2dNative"]) OPERATIONS.set(name, depthwise);
for (const name of ["_FusedMatMul", "MatMul"]) OPERATIONS.set(name, product);
for (const name of ARITHMETIC) OPERATIONS.set(name, arithmetic(name));
for (const name of ["AddV2", "BiasAdd"]) OPERATIONS.set(name, arithmetic("Add"));
OPERATIONS.set("RealDiv", arithmetic("Div"));
OPERATIONS.set("Relu", (builder, _, [x]) => bounded(builder, x, 0, Infinity));
OPERATIONS.set("Relu6", (builder, _, [x]) => bounded(builder, x, 0, 6));
OPERATIONS.set("Mean", mean);
OPERATIONS.set("Max", most);
OPERATIONS.set("MaxPool", largest);
OPERATIONS.set("ConcatV2", joined);
OPERATIONS.set("Softmax", softmax);
OPERATIONS.set("Sigmoid", sigmoid);
OPERATIONS.set("Pad", pad);
OPERATIONS.set("Reshape", reshape);
OPERATIONS.set("Squeeze", squeeze);

/** @type {Operation} */
function convolution(builder, node, [x, filter, added]) {
  const [batch, height, width, channels] = x.shape;
  const [size, across, depth, columns] = filter.shape;
  require(size === across && depth === channels, "a kernel that is not square, or grouped");
  const { stride, top, left, rows, columns: outWidth } = windows(node, size, height, width);
  const { biased, low, high } = fusion(node);
  const bias = biased ? known(added) : undefined;
  const out = builder.value([batch, rows, outWidth, columns]);
  if (size === 1 && stride === 1) {
    multiply(builder, x, out, known(filter), bias, { rows: batch * rows * outWidth, depth, columns }, { low, high });
    return out;
  }
  const deep = size * size * depth;
  const weights = builder.place(packedPanels(known(filter), deep, columns, bias));
  const [from, to] = [builder.whereabouts(x), out.buffer];
  const line = builder.buffer(outWidth * deep);
  builder.step([x], ({ kernels }) => () => {
    for (let row = 0; row < batch * rows; row++) {
      const picture = from.address + Math.floor(row / rows) * height * width * channels * 4;
      const y = (row % rows) * stride - top;
      kernels.patches(picture, line.address, height, width, channels, size, stride, y, left, outWidth);
      const target = to.address + row * outWidth * columns * 4;
      // prettier-ignore
      kernels.gemm(
        line.address, deep * 4, weights.address, 0, target, columns * 4, outWidth, deep, columns, low, high,
      );
    }
  });
  return out;
}

/** @type {Operation} */
function depthwise(builder, node, [x, filter, added]) {
  const [batch, height, width, channels] = x.shape;
  const [size, across, depth, multiplier] = filter.shape;
  require(size === across &&
    depth === channels &&
    multiplier === 1, "a kernel that is not square, or multiplies channels");
  const { stride, top, left, rows, columns } = windows(node, size, height, width);
  const { biased, low, high } = fusion(node);
  const weights = builder.place(inRows(biased ? known(added) : channels, known(filter)));
  const [from, out] = [builder.whereabouts(x), builder.value([batch, rows, columns, channels])];
  const to = out.buffer;
  builder.step([x], ({ kernels }) => () => {
    for (let i = 0; i < batch; i++) {
      const picture = from.address + i * height * width * channels * 4;
      const target = to.address + i * rows * columns * channels * 4;
      // prettier-ignore
      kernels.depthwise(
        picture, weights.address, target, height, width, channels, size, stride, top, left, rows, columns, low, high,
      );
    }
  });
  return out;
}

/** @type {Operation} */
function product(builder, node, [x, matrix, added]) {
  const { shape } = matrix;
  require(x.shape.length === 2 &&
    shape.length === 2 &&
    !flag(node, "transpose_a"), "a product of other than two matrices");
  const turned = flag(node, "transpose_b");
  const [depth, columns] = turned ? [shape[1], shape[0]] : shape;
  require(x.shape[1] === depth, "a product of unlike shapes");
  const { biased, ...bounds } = fusion(node);
  const weights = (turned ? packedPanelsTransposed : packedPanels)(
    known(matrix),
    depth,
    columns,
    biased ? known(added) : undefined,
  );
  const out = builder.value([x.shape[0], columns]);
  byPanels(builder, x, out, weights, { rows: x.shape[0], depth, columns }, bounds);
  return out;
}

/**
 * @param {string} name
 * @returns {Operation}
 */
function arithmetic(name) {
  const operation = ARITHMETIC.indexOf(name);
  const turns = !["Sub", "Div"].includes(name);
  return (builder, _, [a, b]) => {
    if (turns && count(a.shape) < count(b.shape)) [a, b] = [b, a];
    const [whole, period] = [count(a.shape), count(b.shape)];
    require(repeats(a.shape, b.shape), "a product of unlike shapes");
    const [first, second, out] = [builder.whereabouts(a), builder.whereabouts(b), builder.value(a.shape)];
    builder.step([a, b], ({ kernels }) => () => {
      kernels.combine(operation, first.address, second.address, out.buffer.address, whole, period);
    });
    return out;
  };
}

/**
 * @param {PlanBuilder} builder
 * @param {Value} x
 * @param {number} low
 * @param {number} high
 */
function bounded(builder, x, low, high) {
  const [from, out, whole] = [builder.whereabouts(x), builder.value(x.shape), count(x.shape)];
  builder.step(
    [x],
    ({ kernels }) =>
      () =>
        kernels.bound(from.address, out.buffer.address, whole, low, high),
  );
  return out;
}

/** @type {Operation} */
function mean(builder, node, [x, axes]) {
  const [batch, height, width, channels] = x.shape;
  require(overPlaces(x, axes), "a mean over other axes than 1 and 2");
  const out = builder.value(flag(node, "keep_dims") ? [batch, 1, 1, channels] : [batch, channels]);
  const from = builder.whereabouts(x);
  builder.step([x], ({ kernels }) => () => {
    for (let i = 0; i < batch; i++) {
      const picture = from.address + i * height * width * channels * 4;
      kernels.mean(picture, out.buffer.address + i * channels * 4, height * width, channels);
    }
  });
  return out;
}

/** @type {Operation} */
function most(builder, node, [x, axes]) {
  const [batch, height, width, channels] = x.shape;
  require(overPlaces(x, axes), "a maximum over other axes than 1 and 2");
  const out = builder.value(flag(node, "keep_dims") ? [batch, 1, 1, channels] : [batch, channels]);
  const from = builder.whereabouts(x);
  builder.step([x], (machine) => () => {
    const values = machine.floats(from.address, count(x.shape));
    const largest = machine.floats(out.buffer.address, batch * channels).fill(-Infinity);
    for (let i = 0; i < values.length; i++) {
      const to = Math.floor(i / (height * width * channels)) * channels + (i % channels);
      if (values[i] > largest[to]) largest[to] = values[i];
    }
  });
  return out;
}

/** @type {Operation} */
function largest(builder, node, [x]) {
  const [batch, height, width, channels] = x.shape;
  const [, size, across] = integers(node, "ksize");
  require(size === across, "windows that are not square");
  const { stride, top, left, rows, columns } = windows(node, size, height, width);
  const [from, out] = [builder.whereabouts(x), builder.value([batch, rows, columns, channels])];
  builder.step([x], ({ kernels }) => () => {
    for (let row = 0, to = out.buffer.address; row < batch * rows; row++) {
      const y = (row % rows) * stride - top;
      for (let column = 0; column < columns; column++, to += channels * 4) {
        const start = column * stride - left;
        let first = true;
        for (let i = Math.max(0, y); i < Math.min(height, y + size); i++) {
          for (let j = Math.max(0, start); j < Math.min(width, start + size); j++) {
            const at = from.address + ((Math.floor(row / rows) * height + i) * width + j) * channels * 4;
            if (first) kernels.bound(at, to, channels, -Infinity, Infinity);
            else kernels.combine(MAXIMUM, to, at, to, channels, channels);
            first = false;
          }
        }
      }
    }
  });
  return out;
}

/** @type {Operation} */
function joined(builder, _, inputs) {
  const [parts, axis] = [inputs.slice(0, -1), known(inputs[inputs.length - 1]).integers[0]];
  const { shape } = parts[0];
  const last = shape.length - 1;
  require(axis === last || axis === -1, "a concatenation along other than the last axis");
  const wide = parts.map((part) => part.shape[last]);
  const columns = wide.reduce((a, b) => a + b);
  const rows = count(shape) / wide[0];
  const out = builder.value([...shape.slice(0, -1), columns]);
  const from = parts.map((part) => builder.whereabouts(part));
  builder.step(parts, (machine) => () => {
    const values = machine.floats(out.buffer.address, rows * columns);
    for (let row = 0, at = 0; row < rows; row++) {
      for (let i = 0; i < parts.length; at += wide[i], i++) {
        values.set(machine.floats(from[i].address + row * wide[i] * 4, wide[i]), at);
      }
    }
  });
  return out;
}

/** @type {Operation} */
function softmax(builder, _, [x]) {
  const columns = x.shape[x.shape.length - 1];
  return mapped(builder, x, (values) => {
    for (let row = 0; row < values.length; row += columns) {
      const line = values.subarray(row, row + columns);
      const most = line.reduce((a, b) => Math.max(a, b));
      let sum = 0;
      for (let i = 0; i < columns; i++) sum += line[i] = Math.exp(line[i] - most);
      for (let i = 0; i < columns; i++) line[i] /= sum;
    }
  });
}

/** @type {Operation} */
function sigmoid(builder, _, [x]) {
  return mapped(builder, x, (values) => {
    for (let i = 0; i < values.length; i++) values[i] = 1 / (1 + Math.exp(-values[i]));
  });
}

/**
 * @param {PlanBuilder} builder
 * @param {Value} x
 * @param {(values: Float32Array) => void} change in place, on a copy
 */
function mapped(builder, x, change) {
  const [from, out, whole] = [builder.whereabouts(x), builder.value(x.shape), count(x.shape)];
  builder.step([x], (machine) => () => {
    const values = machine.floats(out.buffer.address, whole);
    values.set(machine.floats(from.address, whole));
    change(values);
  });
  return out;
}

/** @type {Operation} */
function pad(builder, _, [x, paddings]) {
  const [batch, height, width, channels] = x.shape;
  const [n0, n1, top, bottom, left, right, c0, c1] = known(paddings).integers;
  require(x.shape.length === 4 && batch === 1 && !(n0 || n1 || c0 || c1), "padding of other than height and width");
  const outWidth = left + width + right;
  const [from, out] = [builder.whereabouts(x), builder.value([1, top + height + bottom, outWidth, channels])];
  builder.step([x], (machine) => () => {
    const values = machine.floats(out.buffer.address, count(out.shape)).fill(0);
    for (let y = 0; y < height; y++) {
      const row = machine.floats(from.address + y * width * channels * 4, width * channels);
      values.set(row, ((top + y) * outWidth + left) * channels);
    }
  });
  return out;
}

/** @type {Operation} */
function reshape(_, __, [x, wanted]) {
  const shape = [...known(wanted).integers];
  const open = shape.indexOf(-1);
  if (open >= 0) shape[open] = -count(x.shape) / count(shape);
  require(count(shape) === count(x.shape), "a shape of another size");
  return { ...x, shape };
}

/** @type {Operation} */
function squeeze(_, node, [x]) {
  const rank = x.shape.length;
  const axes = integers(node, "squeeze_dims").map((axis) => (axis + rank) % rank);
  return { ...x, shape: x.shape.filter((size, axis) => size !== 1 || (axes.length > 0 && !axes.includes(axis))) };
}

/**
 * Whether `small`, repeated, lines up with `large`: the same dimensions at the end, and ones before them.
 * @param {number[]} large
 * @param {number[]} small
 */
function repeats(large, small) {
  const tail = small.slice(small.findIndex((size) => size !== 1));
  return (
    count(small) === 1 || (tail.length <= large.length && tail.every((size, i) => size === large.at(i - tail.length)))
  );
}

/** @param {Value} value */
function known(value) {
  require("constant" in value, "an input that is not constant");
  return value.constant;
}

/**
 * Whether something is taken over height and width.
 * @param {Value} x
 * @param {Value} axes
 */
const overPlaces = (x, axes) => x.shape.length === 4 && [...known(axes).integers].sort().join() === "1,2";
