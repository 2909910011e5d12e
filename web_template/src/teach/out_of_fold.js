// What a head would answer to pictures that it was not trained on: cross-validation, and what its probabilities are worth by it.
import { softmax } from "./softmax.js";

/** As many as make each fit nearly as good as the last one, which has all pictures. */
export const FOLDS = 5;
/** A class with fewer is always trained on, and never asked. */
const FEWEST = 3;
/** Answers are made less sure where they were too sure; by how much at most, and never more sure. */
const HOTTEST = 5;

/**
 * @typedef {object} Judgement
 * @property {number} asked pictures that were answered by a head that had not seen them
 * @property {number} right
 * @property {number[][]} confusion [classes][classes]: row is what they are, column what they were taken for
 * @property {Int32Array<ArrayBuffer>} answers [n], the column of the answer; -1 where it was not asked
 * @property {number} temperature logits are divided by it (Guo et al. 2017, "On Calibration of Modern Neural Networks")
 */

/**
 * Which fold each example is left out in: runs of neighbors, since frames that follow each other are alike.
 * @param {Uint16Array} targets
 * @param {number} classes
 * @returns {Int32Array} [n], -1 where it is never left out
 */
export function foldsOf(targets, classes) {
  /** @type {number[][]} */
  const rows = Array.from({ length: classes }, () => []);
  targets.forEach((target, i) => rows[target].push(i));
  const folds = new Int32Array(targets.length).fill(-1);
  for (const of of rows.filter(({ length }) => length >= FEWEST)) {
    of.forEach((row, i) => (folds[row] = Math.floor((i * FOLDS) / of.length)));
  }
  return folds;
}

/**
 * @param {Float32Array | Float64Array} rows [n × r]
 * @param {Uint16Array} targets [n]
 * @param {number} classes
 * @param {(rows: Float32Array | Float64Array, targets: Uint16Array) => Float64Array} fit parameters [(r + 1) × classes]
 * @returns {Judgement}
 */
export function judge(rows, targets, classes, fit) {
  const width = rows.length / targets.length;
  const folds = foldsOf(targets, classes);
  const logits = new Float64Array(targets.length * classes);
  for (let fold = 0; fold < FOLDS; fold++) {
    const out = [...folds.keys()].filter((i) => folds[i] === fold);
    if (!out.length) continue;
    const kept = [...folds.keys()].filter((i) => folds[i] !== fold);
    const some = new Float64Array(kept.length * width);
    kept.forEach((i, at) => some.set(rows.subarray(i * width, (i + 1) * width), at * width));
    const parameters = fit(
      some,
      Uint16Array.from(kept, (i) => targets[i]),
    );
    for (const i of out) {
      for (let c = 0; c < classes; c++) {
        let sum = parameters[width * classes + c];
        for (let j = 0; j < width; j++) sum += rows[i * width + j] * parameters[j * classes + c];
        logits[i * classes + c] = sum;
      }
    }
  }
  const answers = Int32Array.from(folds, (fold, i) => {
    if (fold < 0) return -1;
    const row = logits.subarray(i * classes, (i + 1) * classes);
    return row.indexOf(Math.max(...row));
  });
  const confusion = Array.from({ length: classes }, () => Array.from({ length: classes }, () => 0));
  answers.forEach((answer, i) => answer >= 0 && confusion[targets[i]][answer]++);
  const asked = answers.reduce((sum, answer) => sum + Number(answer >= 0), 0);
  const right = confusion.reduce((sum, row, i) => sum + row[i], 0);
  return { asked, right, confusion, answers, temperature: temperatureOf(logits, answers, targets, classes) };
}

/**
 * Least negative log-likelihood of what is true, by golden-section search on the temperature's logarithm.
 * @param {Float64Array} logits [n × classes]
 * @param {Int32Array} answers -1 where there are none
 * @param {Uint16Array} targets
 * @param {number} classes
 */
function temperatureOf(logits, answers, targets, classes) {
  const loss = (/** @type {number} */ log) => {
    let sum = 0;
    answers.forEach((answer, i) => {
      if (answer < 0) return;
      const row = softmax(logits.slice(i * classes, (i + 1) * classes).map((logit) => logit / Math.exp(log)));
      sum -= Math.log(Math.max(row[targets[i]], 1e-12));
    });
    return sum;
  };
  const section = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [0, Math.log(HOTTEST)];
  for (let step = 0; step < 20; step++) {
    const [a, b] = [high - section * (high - low), low + section * (high - low)];
    if (loss(a) <= loss(b)) high = b;
    else low = a;
  }
  const log = (low + high) / 2;
  return loss(log) < loss(0) ? Math.exp(log) : 1;
}
