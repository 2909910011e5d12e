// What startup.js began: page.js is given this in the place of loading.js.
import { importBound } from "../loading/bound_module.js";
import { home } from "./home.js";
import { sayNotStarted } from "./not_started.js";

export const { loading, onProgress } = globalThis.pagesightLoading ?? (await begin());

/** Where a policy keeps the script in index.html from running, as for the pages of a browser's extensions. */
async function begin() {
  /** @type {(bytes: number, total: number) => void} */
  let show = () => {};
  const { contractSha256, moduleSha256 = "" } = document.documentElement.dataset;
  try {
    /** @type {typeof import("../api/pagesight.js")} */
    const { load } = await importBound(`${home}pagesight.js`, moduleSha256);
    const loading = load(home, { contractSha256, onProgress: (bytes, total) => show(bytes, total) });
    loading.catch(() => {});
    return { loading, onProgress: (/** @type {typeof show} */ next) => void (show = next) };
  } catch (error) {
    sayNotStarted();
    throw error;
  }
}
