// The self-check on load: a picture of the bundle must get the answer that was measured when the bundle was made.
import { PagesightError } from "./errors.js";
import { fetchFile } from "./files.js";
import { toSquare } from "./pixels.js";

/** Float32 sums in another order differ by a millionth; a broken kernel or driver by far more. */
const MOST_APART = 1e-3;

/**
 * @param {import("./runtime/model.js").Model} model
 * @param {string} base address of the bundle's folder
 * @param {import("./contract.js").Contract} contract
 * @throws {PagesightError} with code wrong-answer
 */
export async function checkGolden(model, base, { golden, input, labels }) {
  if (!golden) return;
  const bytes = await fetchFile(base, golden.path, golden.sha256).catch((/** @type {PagesightError} */ error) => {
    // A host that leaves the samples out takes the check away, not the model.
    if (error.code === "unreachable") return undefined;
    throw error;
  });
  if (!bytes) return;
  const square = await toSquare(new Blob([bytes]), input);
  const found = model.run(square.data, ["probabilities"]).probabilities?.data ?? new Float32Array();
  const apart = golden.probabilities.map((expected, i) => Math.abs(expected - found[i]));
  // Written so that NaN, which is less than nothing, is a wrong answer too.
  if (apart.length === labels.length && apart.every((difference) => difference <= MOST_APART)) return;
  throw new PagesightError("wrong-answer", `the model gives a wrong answer to ${golden.path}`, golden.path);
}
