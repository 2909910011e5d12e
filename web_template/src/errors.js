// What can go wrong, by a code that a page can put into its own words.

/**
 * @typedef {"unreachable" | "tampered" | "contract" | "no-wasm" | "old-browser" | "no-worker" | "model" | "wrong-answer" | "picture" | "altered-pictures" | "source" | "disposed"} ErrorCode
 *
 * unreachable  a file did not arrive (offline, or a wrong status)
 * tampered     a file's sha256 is not the one that was published
 * contract     contract.json is not one that this version can read
 * no-wasm      the browser has no WebAssembly, or forbids it
 * old-browser  its WebAssembly has no SIMD instructions, or its workers no canvas: it is older than what package.json lists
 * no-worker    the model's worker could not be started, or this is no browser
 * model        the graph could not be loaded or run
 * wrong-answer  the model loads, but does not answer the bundle's own picture as it must
 * picture      the bytes are no picture that this browser can decode
 * altered-pictures  the browser alters what pages read of pictures, against tracking
 * source       the argument is nothing that can be classified
 * disposed     dispose() was called before
 */

export class PagesightError extends Error {
  /**
   * @param {ErrorCode} code
   * @param {string} message one sentence for people
   * @param {string} [file] the file concerned, relative to the bundle
   */
  constructor(code, message, file) {
    super(message);
    this.name = "PagesightError";
    /** @readonly */
    this.code = code;
    /** @readonly */
    this.file = file;
  }
}

/**
 * @param {unknown} error
 * @param {ErrorCode} otherwise the code of an error that is not ours
 * @returns {PagesightError}
 */
export function asPagesightError(error, otherwise) {
  if (error instanceof PagesightError) return error;
  return new PagesightError(otherwise, error instanceof Error ? error.message : String(error));
}
