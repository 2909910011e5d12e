// Trains heads and packs zips, beside the page and beside the model, so that neither has to wait.
import { unzip, zip } from "./archive.js";
import { train } from "./logistic.js";

/**
 * @typedef {import("./logistic.js").Examples} Examples
 * @typedef {import("./archive.js").Files} Files
 * @typedef {import("./head.js").Head} Head
 * @typedef {import("./out_of_fold.js").Judgement} Judgement
 * @typedef {Pick<Head, "kernel" | "bias" | "heldOut" | "examples"> & Pick<Judgement, "answers" | "temperature"> & { loss: number }} Trained
 *
 * @typedef {{ method: "train", examples: Examples }
 *   | { method: "zip", files: Files }
 *   | { method: "unzip", bytes: Uint8Array<ArrayBuffer> }} Job
 * @typedef {{ progress: number } | { value: unknown } | { error: string }} News
 */

/** Steps that a fit of some hundred pictures takes, and fits that there are, for a progress bar. */
const USUAL_STEPS = 40;
const USUAL_FITS = 6;

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

// It is up.
tell({ progress: 0 });

/**
 * Trains on everything, and measures by cross-validation.
 * @param {Examples} examples
 * @returns {Trained & { kernel: Float32Array<ArrayBuffer>, bias: Float32Array<ArrayBuffer> }}
 */
function learn(examples) {
  let fits = -1;
  const { weights, loss, judgement } = train(examples, (step) => {
    if (!step) fits++;
    tell({ progress: Math.min(1, (fits + Math.min(1, step / USUAL_STEPS)) / USUAL_FITS) });
  });
  const { answers, temperature, ...heldOut } = judgement;
  const kernel = new Float32Array(weights.kernel);
  const bias = new Float32Array(weights.bias);
  return { kernel, bias, heldOut, answers, temperature, examples: examples.targets.length, loss };
}
