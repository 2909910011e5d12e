// Multinomial logistic regression: what scikit-learn's LogisticRegression does on standardized columns, by the same method.
import { judge } from "./out_of_fold.js";
import { softmax } from "./softmax.js";
import { inRowSpace, outOfRowSpace } from "./row_space.js";

/**
 * @typedef {object} Examples
 * @property {Float32Array} vectors [n × d], row by row
 * @property {Uint16Array} targets [n], 0 … classes - 1
 * @property {number} classes
 *
 * @typedef {{ kernel: Float32Array, bias: Float32Array }} Weights [d × classes] and [classes], for vectors as they come
 * @typedef {{ parameters: Float64Array, loss: number }} Fit
 */

/** Weight of the examples against the L2 penalty: scikit-learn's default C. */
const TRUST = 1;
/** Largest slope, per example, at which the fit is done: scikit-learn's default tolerance. */
const TOLERANCE = 1e-4;
/** The same where the fit only answers what was left out of it. */
const ROUGH = 1e-3;
/**
 * The least deviation that a column is scaled by, as a share of that of all columns. A hand held still gives pictures that are
 * nearly one and the same; a column that hardly changed among them, scaled to deviation 1, would outvote all others on the
 * first picture that is a little different.
 */
const LEAST_DEVIATION = 0.1;
const MOST_STEPS = 100;
/** Pairs of steps and slopes that L-BFGS remembers (Nocedal and Wright, Numerical Optimization, algorithm 7.4). */
const MEMORY = 10;

/**
 * Columns with mean 0 and, but for those that hardly change, variance 1.
 * @param {Float32Array} vectors [n × d]
 * @param {number} width d
 */
export function standardize(vectors, width) {
  const count = vectors.length / width;
  const mean = new Float64Array(width);
  const scale = new Float64Array(width);
  for (let at = 0; at < vectors.length; at++) mean[at % width] += vectors[at] / count;
  for (let at = 0; at < vectors.length; at++) scale[at % width] += (vectors[at] - mean[at % width]) ** 2 / count;
  const least = (LEAST_DEVIATION ** 2 * scale.reduce((sum, variance) => sum + variance, 0)) / width;
  for (let j = 0; j < width; j++) scale[j] = least > 0 ? 1 / Math.sqrt(Math.max(scale[j], least)) : 0;
  const columns = new Float32Array(vectors.length);
  for (let at = 0; at < vectors.length; at++) columns[at] = (vectors[at] - mean[at % width]) * scale[at % width];
  return { columns, mean, scale };
}

/**
 * @param {Examples} examples
 * @param {(step: number, loss: number) => void} onStep loss per example, the penalty left out
 * @returns {{ weights: Weights, loss: number, judgement: import("./out_of_fold.js").Judgement }}
 */
export function train({ vectors, targets, classes }, onStep) {
  const width = vectors.length / targets.length;
  const { columns, mean, scale } = standardize(vectors, width);
  const factor = targets.length < width ? inRowSpace(columns, targets.length) : undefined;
  const rows = factor ?? columns;
  const { parameters: found, loss } = minimize(rows, targets, classes, onStep, TOLERANCE);
  const judgement = judge(rows, targets, classes, (some, theirs) => {
    onStep(0, loss);
    return minimize(some, theirs, classes, () => {}, ROUGH).parameters;
  });
  const parameters = factor ? outOfRowSpace(found, factor, columns, classes) : found;
  const kernel = new Float32Array(width * classes);
  const bias = Float32Array.from(parameters.subarray(width * classes));
  // The scaling goes into the weights, so that a head is one matrix product.
  for (let c = 0; c < classes; c++) {
    let shift = parameters[width * classes + c];
    for (let j = 0; j < width; j++) {
      const weight = parameters[j * classes + c] * scale[j];
      kernel[j * classes + c] = weight;
      shift -= weight * mean[j];
    }
    bias[c] = shift;
  }
  return { weights: { kernel, bias }, loss, judgement };
}

/**
 * L-BFGS with backtracking on a strictly convex function: every step goes down, and the end is the one minimum.
 * @param {Float32Array | Float64Array} columns [n × d], standardized, or in their span
 * @param {Uint16Array} targets
 * @param {number} classes
 * @param {(step: number, loss: number) => void} onStep
 * @param {number} tolerance
 * @returns {Fit}
 */
function minimize(columns, targets, classes, onStep, tolerance) {
  const width = columns.length / targets.length;
  let at = new Float64Array((width + 1) * classes);
  let here = slopeAt(at, columns, targets, classes);
  /** @type {{ step: Float64Array, turn: Float64Array, weight: number }[]} */
  const remembered = [];
  for (let count = 0; count < MOST_STEPS && largest(here.slope) > tolerance; count++) {
    onStep(count, here.loss);
    const direction = downhill(here.slope, remembered);
    const fall = dot(direction, here.slope);
    let length = count ? 1 : 1 / Math.sqrt(dot(here.slope, here.slope));
    let next = moved(at, direction, length);
    let there = slopeAt(next, columns, targets, classes);
    while (there.cost > here.cost + 1e-4 * length * fall && length > 1e-12) {
      length /= 2;
      next = moved(at, direction, length);
      there = slopeAt(next, columns, targets, classes);
    }
    const step = direction.map((value) => value * length);
    const turn = there.slope.map((value, i) => value - here.slope[i]);
    const bend = dot(step, turn);
    if (bend > 0) remembered.push({ step, turn, weight: 1 / bend });
    if (remembered.length > MEMORY) remembered.shift();
    at = next;
    here = there;
  }
  return { parameters: at, loss: here.loss };
}

/**
 * @param {Float64Array} slope
 * @param {{ step: Float64Array, turn: Float64Array, weight: number }[]} remembered
 */
function downhill(slope, remembered) {
  const direction = slope.map((value) => -value);
  const shares = remembered.map(() => 0);
  for (let i = remembered.length - 1; i >= 0; i--) {
    const { step, turn, weight } = remembered[i];
    shares[i] = weight * dot(step, direction);
    add(direction, turn, -shares[i]);
  }
  const last = remembered.at(-1);
  if (last) {
    const size = 1 / (last.weight * dot(last.turn, last.turn));
    for (let i = 0; i < direction.length; i++) direction[i] *= size;
  }
  remembered.forEach(({ step, turn, weight }, i) => add(direction, step, shares[i] - weight * dot(turn, direction)));
  return direction;
}

/**
 * @param {Float64Array} parameters [(d + 1) × classes], the last row is the bias, which is not penalised
 * @param {Float32Array | Float64Array} columns
 * @param {Uint16Array} targets
 * @param {number} classes
 * @returns {{ cost: number, loss: number, slope: Float64Array }} per example; the cost has the penalty in it
 */
function slopeAt(parameters, columns, targets, classes) {
  const count = targets.length;
  const width = columns.length / count;
  const last = width * classes;
  const slope = new Float64Array(parameters.length);
  const wrong = new Float64Array(classes);
  let loss = 0;
  for (let i = 0; i < count; i++) {
    const row = i * width;
    wrong.set(parameters.subarray(last));
    for (let j = 0, w = 0; j < width; j++) {
      const value = columns[row + j];
      for (let c = 0; c < classes; c++, w++) wrong[c] += value * parameters[w];
    }
    softmax(wrong);
    loss -= Math.log(Math.max(wrong[targets[i]], 1e-300)) / count;
    wrong[targets[i]] -= 1;
    for (let c = 0; c < classes; c++) {
      wrong[c] /= count;
      slope[last + c] += wrong[c];
    }
    for (let j = 0, w = 0; j < width; j++) {
      const value = columns[row + j];
      for (let c = 0; c < classes; c++, w++) slope[w] += value * wrong[c];
    }
  }
  const penalty = 1 / (TRUST * count);
  let squares = 0;
  for (let w = 0; w < last; w++) {
    squares += parameters[w] ** 2;
    slope[w] += penalty * parameters[w];
  }
  return { cost: loss + (penalty * squares) / 2, loss, slope };
}

/** @param {Float64Array} from @param {Float64Array} direction @param {number} length */
function moved(from, direction, length) {
  const to = from.slice();
  add(to, direction, length);
  return to;
}

/** @param {Float64Array} to @param {Float64Array} direction @param {number} length */
function add(to, direction, length) {
  for (let i = 0; i < to.length; i++) to[i] += direction[i] * length;
}

/** @param {Float64Array} a @param {Float64Array} b */
function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** @param {Float64Array} values */
const largest = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
