// The workers that a model can run in: which there are, and how one is started with the model in it.
import firstWorker from "built:worker.js";
import { WorkerLink, startWorker, workerFrom } from "./worker_link.js";

/** @typedef {import("../loading/contract.js").Contract} Contract */

/** The worker that every module carries, so that it is up when the model arrives. */
export const FIRST = "worker.js";
/** The workers, in the order in which they are tried, and what each wants besides the model. */
export const WORKERS = [
  { script: FIRST, binaries: [] },
  { script: "worker_lean.js", binaries: ["tfjs-backend-wasm-simd.wasm"] },
  { script: "worker_all.js", binaries: ["tfjs-backend-wasm-simd.wasm"] },
];

/** @returns {WorkerLink | undefined} undefined where a page's policy forbids it at once; others tell later */
export function startInlined() {
  try {
    return new WorkerLink(workerFrom(firstWorker, "classic"));
  } catch {
    return undefined;
  }
}

/**
 * @typedef {import("./serve.js").Loaded & { link: WorkerLink }} Started
 *
 * @param {{ script: string, binaries: string[] }} worker
 * @param {string} folder
 * @param {Contract} contract
 * @param {import("../loading/asset_loader.js").AssetLoader} assets
 * @param {{ timeoutMs?: number, carried?: WorkerLink }} [how] timeoutMs: milliseconds that loading may take; carried: the
 *   first worker, which is starting
 * @returns {Promise<Started | undefined>} undefined where the worker cannot run the model's graph
 */
export async function tryWorker({ script, binaries }, folder, contract, assets, { timeoutMs, carried } = {}) {
  const files = assets.files(binaries);
  // A worker that fails first leaves nobody waiting for them.
  files.catch(() => {});
  const link = (script === FIRST && carried) || new WorkerLink(startWorker(folder, script, await assets.file(script)));
  link.timeoutMs = timeoutMs;
  try {
    // The carried worker is asked before it is known to be up.
    const asked = link.call({ method: "load", load: { contract, files: await files } });
    asked.catch(() => {});
    // A page's policy may allow workers from files alone. The new worker's own request is answered from the cache that checking
    // it filled.
    if (link === carried && !(await link.started)) {
      link.close();
      return await tryWorker({ script, binaries }, folder, contract, assets, { timeoutMs });
    }
    const loaded = await asked;
    if (loaded) return { .../** @type {import("./serve.js").Loaded} */ (loaded), link };
  } catch (error) {
    link.close();
    throw error;
  }
  link.close();
  return undefined;
}
