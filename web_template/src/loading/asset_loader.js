// What a worker needs of a bundle: fetched side by side, checked, and reported as it arrives.
import { fetchFile, fetchPublished } from "./files.js";

/** @typedef {import("./contract.js").Contract} Contract */

export class AssetLoader {
  #base;
  #contract;
  #onProgress;
  #signal;
  #loaded = 0;
  #total = 0;
  /** @type {Map<string, Promise<ArrayBuffer>>} */
  #under = new Map();
  /** @type {Promise<import("../worker/serve.js").Files> | undefined} */
  #goldenFile;

  /**
   * @param {string} base address of the bundle's folder
   * @param {Contract} contract
   * @param {((loaded: number, total: number) => void) | undefined} onProgress
   * @param {AbortSignal} [signal]
   */
  constructor(base, contract, onProgress, signal) {
    this.#base = base;
    this.#contract = contract;
    this.#onProgress = onProgress;
    this.#signal = signal;
  }

  /**
   * @param {string} path one of contract.files; it is fetched once
   * @returns {Promise<ArrayBuffer>}
   */
  file(path) {
    let bytes = this.#under.get(path);
    if (!bytes) {
      this.#total += this.#contract.files[path]?.bytes ?? 0;
      bytes = fetchPublished(this.#base, this.#contract.files, path, this.#signal).then((arrived) => {
        this.#loaded += arrived.byteLength;
        this.#onProgress?.(this.#loaded, this.#total);
        return arrived;
      });
      this.#under.set(path, bytes);
    }
    return bytes;
  }

  /**
   * The model, the golden picture, and what else a worker wants.
   * @param {string[]} more
   * @returns {Promise<import("../worker/serve.js").Files>}
   */
  async files(more) {
    const { files, model } = this.#contract;
    const folder = model.path.replace(/[^/]*$/, "");
    const paths = [...Object.keys(files).filter((path) => path.startsWith(folder)), ...more];
    const [golden, ...parts] = await Promise.all([this.#golden(), ...paths.map((path) => this.file(path))]);
    return { ...golden, ...Object.fromEntries(paths.map((path, i) => [path, parts[i]])) };
  }

  /** @returns {Promise<import("../worker/serve.js").Files>} fetched once */
  #golden() {
    return (this.#goldenFile ??= this.#fetchGolden());
  }

  /** @returns {Promise<import("../worker/serve.js").Files>} */
  async #fetchGolden() {
    const { golden } = this.#contract;
    if (!golden) return {};
    try {
      return { [golden.path]: await fetchFile(this.#base, golden.path, golden.sha256, this.#signal) };
    } catch (error) {
      // A host that leaves the samples out takes the check away, not the model.
      if (/** @type {import("../errors.js").PagesightError} */ (error).code === "unreachable") return {};
      throw error;
    }
  }
}
