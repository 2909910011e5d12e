// Few examples of many channels: a fit with an L2 penalty lies in the examples' span, where it has far fewer coordinates.

/** Share of the mean square that is added to the diagonal: centerd examples depend on each other. */
const JITTER = 1e-9;

/**
 * The same examples in coordinates of their own span (Cholesky's factor of their inner products): the same inner products,
 * the same penalty, and so the same minimum.
 * @param {Float32Array} columns [n × d], n < d
 * @param {number} count n
 * @returns {Float64Array} [n × n], lower triangular
 */
export function inRowSpace(columns, count) {
  const width = columns.length / count;
  const factor = new Float64Array(count * count);
  let trace = 0;
  for (let i = 0; i < count; i++) {
    const one = columns.subarray(i * width, (i + 1) * width);
    for (let k = 0; k <= i; k++) {
      let product = 0;
      for (let j = 0, at = k * width; j < width; j++, at++) product += one[j] * columns[at];
      factor[i * count + k] = product;
    }
    trace += factor[i * count + i];
  }
  const jitter = (JITTER * trace) / count + Number.MIN_VALUE;
  for (let i = 0; i < count; i++) {
    for (let k = 0; k <= i; k++) {
      let rest = factor[i * count + k] + (i === k ? jitter : 0);
      for (let j = 0; j < k; j++) rest -= factor[i * count + j] * factor[k * count + j];
      factor[i * count + k] = i === k ? Math.sqrt(Math.max(rest, jitter)) : rest / factor[k * count + k];
    }
  }
  return factor;
}

/**
 * Weights in the span as weights of the channels.
 * @param {Float64Array} parameters [(n + 1) × classes], the last row is the bias
 * @param {Float64Array} factor from inRowSpace()
 * @param {Float32Array} columns [n × d]
 * @param {number} classes
 * @returns {Float64Array} [(d + 1) × classes]
 */
export function outOfRowSpace(parameters, factor, columns, classes) {
  const count = parameters.length / classes - 1;
  const width = columns.length / count;
  const shares = parameters.slice(0, count * classes);
  const found = new Float64Array((width + 1) * classes);
  found.set(parameters.subarray(count * classes), width * classes);
  for (let c = 0; c < classes; c++) {
    for (let i = count - 1; i >= 0; i--) {
      let rest = shares[i * classes + c];
      for (let k = i + 1; k < count; k++) rest -= factor[k * count + i] * shares[k * classes + c];
      shares[i * classes + c] = rest / factor[i * count + i];
    }
  }
  for (let i = 0; i < count; i++) {
    for (let j = 0, w = 0; j < width; j++) {
      const value = columns[i * width + j];
      for (let c = 0; c < classes; c++, w++) found[w] += value * shares[i * classes + c];
    }
  }
  return found;
}
