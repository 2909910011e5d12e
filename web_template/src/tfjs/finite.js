// A driver that fails quietly gives what is no number.
import { PagesightError } from "../errors.js";

/**
 * @param {Float32Array<ArrayBuffer>} values
 * @returns {Float32Array<ArrayBuffer>} the same
 * @throws {PagesightError} where one of them is NaN or infinite
 */
export function finite(values) {
  if (!values.every(Number.isFinite)) throw new PagesightError("model", "the graphics card returned NaN");
  return values;
}
