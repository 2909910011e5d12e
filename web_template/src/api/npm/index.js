// The package's entry for bundlers that copy what `new URL("…", import.meta.url)` names.
import { load as loadFrom } from "../pagesight.js";
import files from "./files.js";

export { Classifier, PagesightError } from "../pagesight.js";

/**
 * @param {Omit<import("../pagesight.js").LoadOptions, "files">} [options]
 * @returns {Promise<import("../pagesight.js").Classifier>}
 */
export const load = (options) => loadFrom(import.meta.url, { ...options, files });
