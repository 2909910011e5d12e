// The page's side of teach_worker.js: one worker, one job at a time.
import { noWorker, starts, workerAt, workerFrom } from "../worker/worker_link.js";
import { fetchPublished } from "../loading/files.js";

/**
 * @typedef {import("./teach_worker.js").Job} Job
 * @typedef {import("./teach_worker.js").News} News
 * @typedef {import("./teach_worker.js").Trained} Trained
 * @typedef {import("./archive.js").Files} Files
 * @typedef {(done: number) => void} OnProgress 0..1
 */

const SCRIPT = "teach_worker.js";

export class Helper {
  #worker;
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();

  /** @param {Worker} worker */
  constructor(worker) {
    this.#worker = worker;
  }

  /**
   * @param {string} base address of the bundle's folder
   * @param {import("../loading/contract.js").Contract} contract
   */
  static async start(base, contract) {
    const bytes = await fetchPublished(base, contract.files, SCRIPT);
    for (const start of [() => workerFrom(bytes), () => workerAt(base, SCRIPT)]) {
      try {
        const worker = start();
        if (worker && (await starts(worker))) return new Helper(worker);
        worker?.terminate();
      } catch {
        // A page's policy may allow workers from files alone.
      }
    }
    throw noWorker();
  }

  /**
   * @param {import("./logistic.js").Examples} examples
   * @param {OnProgress} onProgress
   * @returns {Promise<Trained>}
   */
  train(examples, onProgress) {
    return this.#do({ method: "train", examples }, onProgress);
  }

  /** @param {Files} files @returns {Promise<Uint8Array<ArrayBuffer>>} */
  zip(files) {
    return this.#do({ method: "zip", files });
  }

  /** @param {Uint8Array<ArrayBuffer>} bytes @returns {Promise<Files>} */
  unzip(bytes) {
    return this.#do({ method: "unzip", bytes });
  }

  close() {
    this.#worker.terminate();
  }

  /**
   * @template T
   * @param {Job} job
   * @param {OnProgress} [onProgress]
   * @returns {Promise<T>}
   */
  #do(job, onProgress) {
    const done = this.#last.then(
      () =>
        new Promise((resolve, reject) => {
          this.#worker.onmessage = (/** @type {MessageEvent<News>} */ { data }) => {
            if ("progress" in data) onProgress?.(data.progress);
            else if ("error" in data) reject(new Error(data.error));
            else resolve(data.value);
          };
          this.#worker.onerror = (event) => reject(new Error(event.message || "the worker could not be started"));
          this.#worker.onmessageerror = () => reject(new Error("the worker's answer could not be read"));
          this.#worker.postMessage(job);
        }),
    );
    this.#last = done.catch(() => {});
    return /** @type {Promise<T>} */ (done);
  }
}
