import type { Classifier, LoadOptions } from "../pagesight.js";

export * from "../pagesight.js";

/** Loads the classifier of this package. Every file is checked before it is used. */
export function load(options?: Omit<LoadOptions, "files">): Promise<Classifier>;
