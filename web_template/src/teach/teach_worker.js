// Trains heads and packs zips, beside the page and beside the model, so that neither has to wait.
import { unzip, zip } from "./archive.js";
import { probabilities } from "./head.js";
import { train } from "./logistic.js";

/**
 * @typedef {import("./logistic.js").Examples} Examples
 * @typedef {import("./archive.js").Files} Files
 * @typedef {import("./head.js").Head} Head
 * @typedef {Pick<Head, "kernel" | "bias" | "heldOut" | "examples"> & { loss: number }} Trained
 *
 * @typedef {{ method: "train", examples: Examples }
 *   | { method: "zip", files: Files }
 *   | { method: "unzip", bytes: Uint8Array<ArrayBuffer> }} Job
 * @typedef {{ progress: { done: number, loss: number } } | { value: unknown } | { error: string }} News
 */

/** Of each class with so many examples, one in so many is kept aside to be asked afterwards. */
const KEEP_ONE_IN = 5;
/** Steps that a fit of some hundred pictures takes, for a progress bar. */
const USUAL_STEPS = 40;

/** @param {News} news @param {Transferable[]} [transfer] */
const tell = (news, transfer = []) => self.postMessage(news, { transfer });

self.addEventListener("message", (/** @type {MessageEvent<Job>} */ { data: job }) => {
  try {
    if (job.method === "train") {
      const value = learn(job.examples);
      tell({ value }, [value.kernel.buffer, value.bias.buffer]);
    } else if (job.method === "zip") {
      const value = zip(job.files);
      tell({ value }, [value.buffer]);
    } else {
      tell({ value: unzip(job.bytes) });
    }
  } catch (error) {
    tell({ error: error instanceof Error ? error.message : String(error) });
  }
});

/**
 * Measures on what was kept aside, then trains on everything.
 * @param {Examples} examples
 * @returns {Trained & { kernel: Float32Array<ArrayBuffer>, bias: Float32Array<ArrayBuffer> }}
 */
function learn(examples) {
  const { vectors, targets, classes } = examples;
  const aside = keptAside(targets, classes);
  const heldOut = { asked: aside.size, right: 0 };
  /** @param {number} from @param {number} share */
  const report = (from, share) => (/** @type {number} */ step, /** @type {number} */ loss) =>
    tell({ progress: { done: from + share * Math.min(1, step / USUAL_STEPS), loss } });
  if (aside.size) {
    const width = vectors.length / targets.length;
    const { weights } = train(without(examples, aside), report(0, 0.5));
    for (const i of aside) {
      const answer = probabilities(weights, vectors.subarray(i * width, (i + 1) * width));
      if (answer.indexOf(Math.max(...answer)) === targets[i]) heldOut.right++;
    }
  }
  const { weights, loss } = train(examples, report(aside.size ? 0.5 : 0, aside.size ? 0.5 : 1));
  const kernel = new Float32Array(weights.kernel);
  return { kernel, bias: new Float32Array(weights.bias), heldOut, examples: targets.length, loss };
}

/**
 * The last fifth of each class: neighbouring frames of a camera are alike, so that a random choice would flatter.
 * @param {Uint16Array} targets
 * @param {number} classes
 * @returns {Set<number>} row numbers
 */
function keptAside(targets, classes) {
  /** @type {number[][]} */
  const rows = Array.from({ length: classes }, () => []);
  targets.forEach((target, i) => rows[target].push(i));
  return new Set(rows.flatMap((of) => of.slice(of.length - Math.floor(of.length / KEEP_ONE_IN))));
}

/**
 * @param {Examples} examples
 * @param {Set<number>} aside
 * @returns {Examples}
 */
function without({ vectors, targets, classes }, aside) {
  const width = vectors.length / targets.length;
  const kept = [...targets.keys()].filter((i) => !aside.has(i));
  const rows = new Float32Array(kept.length * width);
  kept.forEach((i, at) => rows.set(vectors.subarray(i * width, (i + 1) * width), at * width));
  return { vectors: rows, targets: Uint16Array.from(kept, (i) => targets[i]), classes };
}
