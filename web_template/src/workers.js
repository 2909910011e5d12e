// The workers that a model can run in: which there are, and how one is started with the model in it.
import firstWorker from "built:worker.js";
import { WorkerLink, startWorker, workerFrom } from "./worker_link.js";

/** @typedef {import("./contract.js").Contract} Contract */

/** The worker that every module carries, so that it is up when the model arrives. */
export const FIRST = "worker.js";
/** The workers, in the order in which they are tried, and what each wants besides the model. */
export const WORKERS = [
  { script: FIRST, binaries: [] },
  { script: "worker_lean.js", binaries: ["tfjs-backend-wasm-simd.wasm"] },
  { script: "worker_all.js", binaries: ["tfjs-backend-wasm-simd.wasm"] },
];

/** @returns {WorkerLink | undefined} undefined where a page's policy forbids it at once; others tell later */
export function startCarried() {
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
 * @param {import("./delivery.js").Delivery} delivery
 * @param {{ patience?: number, carried?: WorkerLink }} [how] patience: milliseconds that loading may take; carried: the
 *   first worker, which is up already
 * @returns {Promise<Started | undefined>} undefined where the worker cannot run the model's graph
 */
export async function tryWorker({ script, binaries }, folder, contract, delivery, { patience, carried } = {}) {
  const files = delivery.files(binaries);
  // A worker that fails first leaves nobody waiting for them.
  files.catch(() => {});
  // A page's policy may allow workers from files alone. The worker's own request is then answered from the cache that this one
  // filled: the bytes are checked before they run.
  const link =
    carried && script === FIRST && (await carried.started)
      ? carried
      : new WorkerLink(startWorker(folder, script, await delivery.file(script)));
  link.patience = patience;
  try {
    const loaded = await link.call({ method: "load", load: { contract, files: await files } });
    if (loaded) return { .../** @type {import("./serve.js").Loaded} */ (loaded), link };
  } catch (error) {
    link.close();
    throw error;
  }
  link.close();
  return undefined;
}
