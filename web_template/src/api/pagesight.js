// The public module: load a bundle's classifier from any page or app.
import { Classifier } from "./classifier.js";
import { parseContract } from "../loading/contract.js";
import { AssetLoader } from "../loading/asset_loader.js";
import { PagesightError, asPagesightError } from "../errors.js";
import { fetchAhead, fetchFile, place } from "../loading/files.js";
import { noWorker } from "../worker/worker_link.js";
import { FIRST, WORKERS, startInlined, tryWorker } from "../worker/workers.js";
import { untilAborted } from "./abort.js";
import { folderOf, here } from "./folder.js";

export { Classifier, PagesightError };

/**
 * @typedef {import("../input/source.js").Source} Source
 *
 * @typedef {object} LoadOptions
 * @property {string} [contractSha256] refuse any other contract.json than this one (64 hexadecimal digits)
 * @property {(loaded: number, total: number) => void} [onProgress] bytes of the model and runtime that are in and checked
 * @property {AbortSignal} [signal] gives up: load() is refused with its reason, and what was begun is ended
 * @property {import("../loading/files.js").Places} [files] those that lie elsewhere than under `base`: as a Blob, or by address
 */

/** What the bundle that this module lies in will be asked for: `pagesight bundle` writes it in, so that none waits for contract.json. */
const OWN_FILES = "own-files:";

/**
 * Loads the classifier of the bundle at `base`; every file it uses is checked against contract.json first.
 *
 * @param {string | URL} [base] the bundle's folder, or any file in it; relative addresses are the document's
 * @param {LoadOptions} [options]
 * @returns {Promise<Classifier>}
 * @throws {PagesightError} with code unreachable, tampered, contract, no-wasm, old-browser, no-worker, altered-pictures, model or wrong-answer
 */
export async function load(base = here, { signal, ...options } = {}) {
  if (typeof Worker !== "function") throw noWorker("load() runs in browsers");
  signal?.throwIfAborted();
  const folder = folderOf(base);
  const carried = startInlined();
  const loading = loadFrom(carried, folder, options, signal);
  try {
    return await untilAborted(loading, signal);
  } catch (error) {
    // What comes too late for anyone is ended.
    void loading.then(
      (classifier) => classifier.dispose(),
      () => carried?.close(),
    );
    throw error;
  }
}

/**
 * @param {import("../worker/worker_link.js").WorkerLink | undefined} carried
 * @param {string} folder ending in '/'
 * @param {Omit<LoadOptions, "signal">} options
 * @param {AbortSignal} [signal]
 */
async function loadFrom(carried, folder, { contractSha256, onProgress, files = {} }, signal) {
  place(folder, files);
  const own = folder === here;
  for (const path of OWN_FILES.slice(OWN_FILES.indexOf(":") + 1).split(",")) {
    if (path && (own || files[path])) fetchAhead(folder, path, signal);
  }
  const contract = parseContract(await fetchFile(folder, "contract.json", contractSha256, signal));
  if (!contract.files[FIRST]) carried?.close();
  const assets = new AssetLoader(folder, contract, onProgress, signal);
  /** @type {PagesightError | undefined} */
  let failure;
  for (const worker of WORKERS.filter(({ script }) => contract.files[script])) {
    try {
      const started = await tryWorker(worker, folder, contract, assets, { carried });
      if (started) return new Classifier(contract, started, folder);
    } catch (error) {
      signal?.throwIfAborted();
      // Where one way of computing fails or is wrong, another may do.
      failure ??= asPagesightError(error, "model");
      if (!["model", "wrong-answer"].includes(failure.code)) throw failure;
    }
  }
  throw failure ?? new PagesightError("model", "the model has operations that it cannot run");
}
