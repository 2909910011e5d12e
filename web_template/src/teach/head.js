// A head: one matrix product and a softmax from a described picture to probabilities.
import { evidence } from "../worker/features.js";
import { softmax } from "./softmax.js";

/** Below it a taught answer is 'not sure': what was set for the classes of the model's own training does not hold for others. */
const THRESHOLD = 0.5;
/** Of two classes one always has half. */
const THRESHOLD_OF_TWO = 0.65;

/** @param {Pick<Head, "labels">} head */
export const thresholdOf = ({ labels }) => (labels.length > 2 ? THRESHOLD : THRESHOLD_OF_TWO);

/**
 * @typedef {object} Head
 * @property {string[]} labels column i is labels[i]
 * @property {Float32Array} kernel [d × classes], row by row
 * @property {Float32Array} bias [classes]
 * @property {string} model the weights that describe the pictures
 * @property {HeldOut} heldOut
 * @property {number} examples how many it was trained on
 * @property {Record<number, string>} [misread] what those examples were taken for, by id, that were answered wrongly when left out
 * @property {string} [title] of the page that it makes
 *
 * @typedef {object} HeldOut by cross-validation: every example was answered by a head that had not seen it
 * @property {number} asked
 * @property {number} right
 * @property {number[][]} [confusion] [classes][classes]: row is what they are, column what they were taken for
 */

/**
 * @param {Pick<Head, "kernel" | "bias">} head
 * @param {Float32Array} vector [d]
 * @returns {Float32Array<ArrayBuffer>} [classes], summing to 1
 */
export function probabilities({ kernel, bias }, vector) {
  const logits = Float64Array.from(bias);
  for (let j = 0, w = 0; j < vector.length; j++) {
    for (let c = 0; c < logits.length; c++, w++) logits[c] += vector[j] * kernel[w];
  }
  return Float32Array.from(softmax(logits));
}

/**
 * Where the head saw its first answer: each place alone, as if the whole picture looked like it.
 * @param {Head} head
 * @param {{ data: Float32Array, shape: number[] }} features [1, h, w, d / 2]
 * @param {number} best the column that is explained
 * @returns {Float32Array} [h × w], 0..1
 */
export function places(head, { data, shape: [, height, width, depth] }, best) {
  const classes = head.bias.length;
  const rows = new Float32Array(height * width * classes);
  for (let place = 0; place < height * width; place++) {
    const channels = data.subarray(place * depth, (place + 1) * depth);
    const vector = new Float32Array(2 * depth);
    vector.set(channels);
    vector.set(channels, depth);
    rows.set(probabilities(head, vector), place * classes);
  }
  return evidence(rows, classes, best);
}
