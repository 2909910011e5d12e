// What startup.js began: page.js is given this in the place of loading.js.
import { sayNotStarted } from "./not_started.js";

// A host's own policy may keep the script in index.html from running.
if (!globalThis.pagesightLoading) sayNotStarted();
export const { loading, onProgress } = globalThis.pagesightLoading;
