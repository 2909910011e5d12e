// What a new head learns from: the last feature map, pooled; and where a head looked.

/** @typedef {{ data: Float32Array, shape: number[] }} Output */

/**
 * Mean and largest value of each channel: on few examples more accurate than the mean alone.
 * @param {Output} features [1, h, w, d]
 * @returns {Float32Array<ArrayBuffer>} [2 d], the means first
 */
export function pool({ data, shape }) {
  const depth = shape[3];
  const places = shape[1] * shape[2];
  const vector = new Float32Array(2 * depth);
  vector.fill(-Infinity, depth);
  for (let place = 0, at = 0; place < places; place++) {
    for (let channel = 0; channel < depth; channel++, at++) {
      const value = data[at];
      vector[channel] += value;
      if (value > vector[depth + channel]) vector[depth + channel] = value;
    }
  }
  for (let channel = 0; channel < depth; channel++) vector[channel] /= places;
  return vector;
}

/**
 * How far each place speaks for one class against the others: its logit less the mean of all logits.
 * @param {Float32Array} rows [places, classes], probabilities
 * @param {number} classes
 * @param {number} chosen the column that is explained
 * @returns {Float32Array<ArrayBuffer>} [places], 0 where a place speaks against the class, 1 where it speaks for it most
 */
export function evidence(rows, classes, chosen) {
  const map = new Float32Array(rows.length / classes);
  for (let place = 0; place < map.length; place++) {
    let sum = 0;
    for (let i = 0; i < classes; i++) sum += logarithm(rows[place * classes + i]);
    map[place] = Math.max(0, logarithm(rows[place * classes + chosen]) - sum / classes);
  }
  const most = map.reduce((a, b) => Math.max(a, b), 0);
  if (most > 0) for (let place = 0; place < map.length; place++) map[place] /= most;
  return map;
}

/** A probability of 0 in float32 is one below its smallest number. @param {number} probability */
const logarithm = (probability) => Math.log(Math.max(probability, 1e-38));
