// The package's entry for every other bundler: the files are a module, which comes when load() is called.
import { unpack } from "../../loading/inlined_files.js";
import { load as loadFrom } from "../pagesight.js";

export { Classifier, PagesightError } from "../pagesight.js";

/**
 * @param {Omit<import("../pagesight.js").LoadOptions, "files">} [options]
 * @returns {Promise<import("../pagesight.js").Classifier>}
 */
export async function load(options) {
  const { default: text } = await import("./packed.js");
  return loadFrom(import.meta.url, { ...options, files: await unpack(text) });
}
