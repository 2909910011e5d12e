// The workers that a model can run in: which there are, and how one is started with the model in it.
import firstWorker from "built:worker.js";
import { WorkerLink, noWorker, workerAt, workerFrom } from "./worker_link.js";

/**
 * @typedef {import("../loading/contract.js").Contract} Contract
 * @typedef {import("../errors.js").PagesightError} PagesightError
 */

/** The worker that every module carries, so that it is up when the model arrives. */
export const FIRST = "worker.js";
/** The workers, in the order in which they are tried, and what each wants besides the model. */
export const WORKERS = [
  { script: FIRST, binaries: [] },
  { script: "worker_lean.js", binaries: ["tfjs-backend-wasm-simd.wasm"] },
  { script: "worker_all.js", binaries: ["tfjs-backend-wasm-simd.wasm"] },
];

/** Nothing that is made ready takes so long; a worker that does hangs. */
const LOAD_MS = 120_000;

/** @returns {WorkerLink | undefined} undefined where a page's policy forbids it at once; others tell later */
export const startInlined = () => linked(() => workerFrom(firstWorker));

/** @param {() => Worker | undefined} start */
function linked(start) {
  try {
    const worker = start();
    return worker && new WorkerLink(worker);
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
  let memory = fromMemory;
  if (script === FIRST && carried) {
    try {
      return await open(carried, { contract, files: await files }, timeoutMs);
    } catch (error) {
      // A page's policy may allow workers from files alone.
      if (/** @type {PagesightError} */ (error).code !== "no-worker") throw error;
      memory = false;
      // One that was only late, on a busy machine, says nothing about the others.
      if (carried.refused) fromMemory = false;
    }
  }
  const bytes = await assets.file(script);
  const checked = () => workerFrom(bytes);
  const file = () => workerAt(folder, script);
  for (const way of memory ? [checked, file] : [file, checked]) {
    const link = linked(way);
    try {
      if (link) return await open(link, { contract, files: await files }, timeoutMs);
    } catch (error) {
      if (/** @type {PagesightError} */ (error).code !== "no-worker") throw error;
      if (way === checked && link?.refused) fromMemory = false;
    }
  }
  throw noWorker();
}

/** Whether workers run the very bytes that were checked: until one did not start so, as where a policy forbids it. */
let fromMemory = true;

/**
 * @param {WorkerLink} link
 * @param {import("./serve.js").Load} load
 * @param {number | undefined} timeoutMs
 * @returns {Promise<Started | undefined>}
 */
async function open(link, load, timeoutMs) {
  link.timeoutMs = timeoutMs ?? LOAD_MS;
  // It is asked before it is known to be up.
  const asked = link.call({ method: "load", load });
  asked.catch(() => {});
  if (!(await link.started)) link.close(noWorker());
  try {
    const loaded = await asked;
    link.timeoutMs = timeoutMs;
    if (loaded) return { .../** @type {import("./serve.js").Loaded} */ (loaded), link };
  } catch (error) {
    link.close();
    throw error;
  }
  link.close();
  return undefined;
}
