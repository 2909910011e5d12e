// The first answer, which warms the model up, and the self-check on load: a picture of the bundle must get the answer that
// was measured when the bundle was made.
import { PagesightError } from "../errors.js";

/** Float32 sums in another order differ by a millionth; a broken kernel or driver by far more. */
const MOST_APART = 1e-3;

/**
 * @param {import("./serve.js").Runner} model
 * @param {import("../loading/contract.js").Contract} contract
 * @param {Uint8ClampedArray | undefined} golden the golden picture's square; a host that leaves the samples out takes the check
 *   away, not the model
 * @throws {PagesightError} with code contract or wrong-answer
 */
export async function firstAnswer(model, { golden: expected, input, labels }, golden) {
  const square = golden ?? new Uint8ClampedArray(input.side ** 2 * input.channels);
  const { probabilities } = await model.run(square, ["probabilities"]);
  const found = probabilities?.data ?? new Float32Array();
  if (found.length !== labels.length) {
    throw new PagesightError(
      "contract",
      `the model answers ${found.length} classes, contract.json names ${labels.length}`,
    );
  }
  if (!golden || !expected) return;
  const apart = expected.probabilities.map((probability, i) => Math.abs(probability - found[i]));
  // Written so that NaN, which is less than nothing, is a wrong answer too.
  if (apart.length === labels.length && apart.every((difference) => difference <= MOST_APART)) return;
  throw new PagesightError("wrong-answer", `the model gives a wrong answer to ${expected.path}`, expected.path);
}
