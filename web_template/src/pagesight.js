// The public module: load a bundle's classifier from any page or app.
import firstWorker from "built:worker.js";
import { parseContract } from "./contract.js";
import { PagesightError, asPagesightError } from "./errors.js";
import { Delivery } from "./delivery.js";
import { fetchAhead, fetchFile, fetchPublished, place, whereIs } from "./files.js";
import { toPicture } from "./source.js";
import { WorkerLink, startWorker, workerFrom } from "./worker_link.js";

export { PagesightError };

/**
 * @typedef {import("./source.js").Source} Source
 * @typedef {import("./contract.js").Contract} Contract
 * @typedef {import("./pixels.js").Square} Square
 * @typedef {import("./serve.js").OutputName} OutputName
 * @typedef {import("./serve.js").Output} Output
 * @typedef {import("./serve.js").BackendName} BackendName
 * @typedef {import("./serve.js").Question} Question
 *
 * @typedef {object} LoadOptions
 * @property {string} [contractSha256] refuse any other contract.json than this one (64 hexadecimal digits)
 * @property {(loaded: number, total: number) => void} [onProgress] bytes of the model and runtime that are in and checked
 * @property {import("./files.js").Places} [files] those that lie elsewhere than under `base`: as a Blob, or by address
 *
 * @typedef {object} Prediction
 * @property {Float32Array} probabilities [classes], in the order of contract.labels, summing to 1
 * @property {Float32Array} [embedding] [d]
 * @property {{ data: Float32Array, shape: number[] }} [features] last feature map, [1, h, w, d]
 * @property {number} milliseconds spent in the forward pass
 *
 * @typedef {object} Explanation
 * @property {Float32Array} probabilities [classes]
 * @property {Float32Array} map [height × width], row by row, 0..1: how far each place spoke for the first answer
 * @property {number} width
 * @property {number} height
 * @property {number} milliseconds
 */

/** The worker that this module carries, so that it is up when the model arrives. */
const FIRST = "worker.js";
/** The workers, in the order in which they are tried, and what each wants besides the model. */
const WORKERS = [
  { script: FIRST, binaries: [] },
  { script: "worker_lean.js", binaries: ["tfjs-backend-wasm-simd.wasm"] },
  { script: "worker_all.js", binaries: ["tfjs-backend-wasm-simd.wasm"] },
];

/** What decides about the graphics card: fetched when it is asked for. */
const GPU_SCRIPT = "gpu.js";
/** A graphics card that hangs is given up after so long; while it starts, its driver compiles a program for each layer. */
const GPU_PATIENCE_MS = 10_000;
const GPU_START_MS = 30_000;

/** What the bundle that this module lies in will be asked for: `pagesight bundle` writes it in, so that none waits for contract.json. */
const OWN_FILES = "own-files:";

/**
 * Loads the classifier of the bundle at `base`; every file it uses is checked against contract.json first.
 *
 * @param {string | URL} [base] any address inside the bundle's folder; the folder itself ends in '/'
 * @param {LoadOptions} [options]
 * @returns {Promise<Classifier>}
 * @throws {PagesightError} with code unreachable, tampered, contract, no-wasm, old-browser, model or wrong-answer
 */
export async function load(base = import.meta.url, { contractSha256, onProgress, files = {} } = {}) {
  const folder = new URL(".", new URL(base, globalThis.document?.baseURI)).href;
  place(folder, files);
  const carried = startCarried();
  const own = folder === new URL(".", import.meta.url).href;
  for (const path of OWN_FILES.slice(OWN_FILES.indexOf(":") + 1).split(",")) {
    if (path && (own || files[path])) fetchAhead(folder, path);
  }
  /** @type {Contract} */
  let contract;
  try {
    contract = parseContract(await fetchFile(folder, "contract.json", contractSha256));
  } catch (error) {
    carried?.close();
    throw error;
  }
  if (!contract.files[FIRST]) carried?.close();
  const delivery = new Delivery(folder, contract, onProgress);
  /** @type {PagesightError | undefined} */
  let failure;
  for (const worker of WORKERS.filter(({ script }) => contract.files[script])) {
    try {
      const started = await tryWorker(worker, folder, contract, delivery, { carried });
      if (started) return new Classifier(contract, started, folder);
    } catch (error) {
      // Where one way of computing fails or is wrong, another may do.
      failure ??= asPagesightError(error, "model");
      if (!["model", "wrong-answer"].includes(failure.code)) throw failure;
    }
  }
  throw failure ?? new PagesightError("model", "the model has operations that cannot run here");
}

/** @returns {WorkerLink | undefined} undefined where a page's policy forbids it at once; others tell later */
function startCarried() {
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
 * @param {Delivery} delivery
 * @param {{ patience?: number, carried?: WorkerLink }} [how] patience: milliseconds that loading may take; carried: the
 *   first worker, which is up already
 * @returns {Promise<Started | undefined>} undefined where the worker cannot run the model's graph
 */
async function tryWorker({ script, binaries }, folder, contract, delivery, { patience, carried } = {}) {
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

/** A model that answers in a worker of its own, so that the page stays free. */
export class Classifier {
  #wasm;
  #folder;
  /** @type {(Started & { onFallback?: (reason: PagesightError) => void }) | undefined} */
  #gpu;
  /** Counts what overtakes a trial of the graphics card: another one, useWasm(), dispose(). */
  #turn = 0;

  /**
   * @param {Contract} contract
   * @param {Started} wasm
   * @param {string} folder the bundle's address
   */
  constructor(contract, wasm, folder) {
    /** @readonly */
    this.contract = contract;
    this.#wasm = wasm;
    this.#folder = folder;
  }

  /** What computes the next answer: "wasm", "tfjs-wasm" for other graphs, or after tryGpu() "webgpu" or "webgl". */
  get backend() {
    return (this.#gpu ?? this.#wasm).backend;
  }

  /** Whether describe() works, and so whether new classes can be taught. */
  get canDescribe() {
    return Boolean(this.contract.outputs.features ?? this.contract.outputs.embedding);
  }

  /**
   * @param {Source} source
   * @param {{ topK?: number }} [options] all classes when it is left out
   * @returns {Promise<{ label: string, probability: number }[]>} the most probable first
   */
  async classify(source, { topK } = {}) {
    const { probabilities } = await this.recognise(source);
    return this.rank(probabilities).slice(0, topK);
  }

  /**
   * @param {Source} source
   * @returns {Promise<Float32Array>} [d], what the model's last layer looks at
   */
  async embed(source) {
    const { embedding } = await this.#run(source, ["embedding"]);
    if (!embedding) throw new PagesightError("contract", "this model gives no embedding");
    return embedding;
  }

  /**
   * Everything of one forward pass.
   * @param {Source} source
   * @returns {Promise<Prediction>}
   */
  predict(source) {
    const { embedding, features } = this.contract.outputs;
    /** @type {OutputName[]} */
    const wanted = ["probabilities"];
    if (embedding) wanted.push("embedding");
    if (features) wanted.push("features");
    return this.#run(source, wanted);
  }

  /**
   * As predict(), with the probabilities alone: what a stream of frames needs.
   * @param {Source} source
   * @returns {Promise<Prediction>}
   */
  recognise(source) {
    return this.#run(source, ["probabilities"]);
  }

  /**
   * What a new head is trained on: mean and maximum of the last feature map, or the embedding where there is no map.
   * @param {Source} source
   * @returns {Promise<{ vector: Float32Array, milliseconds: number }>}
   */
  async describe(source) {
    const value = await this.#ask({ method: "describe" }, source);
    return /** @type {{ vector: Float32Array, milliseconds: number }} */ (value);
  }

  /**
   * The answer, and where in the picture the model saw it.
   * @param {Source} source
   * @returns {Promise<Explanation>}
   */
  async explain(source) {
    return /** @type {Explanation} */ (await this.#ask({ method: "explain" }, source));
  }

  /**
   * The exact pixels that the model sees.
   * @param {Source} source
   * @returns {Promise<Square>}
   */
  async square(source) {
    const { picture, transfer } = await toPicture(source);
    return /** @type {Promise<Square>} */ (this.#wasm.link.call({ method: "square", picture }, transfer));
  }

  /**
   * @param {Float32Array} probabilities in the order of contract.labels
   * @returns {{ label: string, probability: number }[]} the most probable first
   */
  rank(probabilities) {
    return this.contract.labels
      .map((label, i) => ({ label, probability: probabilities[i] }))
      .sort((a, b) => b.probability - a.probability);
  }

  /** @returns {Promise<{ numTensors: number, numBytes: number }>} what the runtime holds, the weights included */
  memory() {
    return /** @type {Promise<{ numTensors: number, numBytes: number }>} */ (
      this.#wasm.link.call({ method: "memory" })
    );
  }

  /**
   * Asks the machine's graphics card, compares its answers with WebAssembly's, and takes it where it is right and faster;
   * answers go on meanwhile. Should it fail later, WebAssembly answers again, the picture under way included.
   * @param {import("./gpu.js").GpuOptions} [options]
   * @returns {Promise<import("./gpu.js").Trial>}
   */
  async tryGpu({ onFallback, ...options } = {}) {
    this.useWasm();
    const turn = this.#turn;
    // A model with rare operations comes without it, and so does a page in one file.
    const carried = typeof whereIs(this.#folder, this.contract.model.path) !== "string";
    if (carried || !this.contract.files[GPU_SCRIPT]) return { backend: this.backend, attempts: [] };
    // Where this module lies in the bundle's folder, what is imported next is what was published.
    if (new URL(".", import.meta.url).href === this.#folder) {
      await fetchPublished(this.#folder, this.contract.files, GPU_SCRIPT);
    }
    const { tryOut } = await import("./gpu.js");
    const { started, attempts } = await tryOut(
      this.contract,
      (question, square) => this.#wasm.link.call({ ...question, square }),
      (backend) => this.#startGpu(backend),
      options,
    );
    if (turn !== this.#turn) started?.close();
    else this.#gpu = started && { ...started, onFallback };
    return { backend: this.backend, attempts };
  }

  /** @param {string} backend */
  async #startGpu(backend) {
    const worker = { script: `worker_${backend}.js`, binaries: [] };
    const delivery = new Delivery(this.#folder, this.contract, undefined);
    const started = await tryWorker(worker, this.#folder, this.contract, delivery, { patience: GPU_START_MS });
    if (!started) throw new PagesightError("model", "the model has operations that it cannot run");
    const { link } = started;
    link.patience = GPU_PATIENCE_MS;
    return {
      ...started,
      ask: (/** @type {Question} */ question, /** @type {Square} */ square) => link.call({ ...question, square }),
      close: () => link.close(),
    };
  }

  /** Leaves the graphics card, where tryGpu() took it. */
  useWasm() {
    this.#turn++;
    // What it still has under way is asked again.
    this.#gpu?.link.close(new PagesightError("model", "WebAssembly is asked instead"));
    this.#gpu = undefined;
  }

  /** Ends the worker and frees all memory; calls that are under way are refused. */
  dispose() {
    this.useWasm();
    this.#wasm.link.close();
  }

  /**
   * @param {Question} question
   * @param {Source} source
   * @returns {Promise<unknown>}
   */
  async #ask(question, source) {
    const { picture, transfer } = await toPicture(source);
    if (!this.#gpu) return this.#wasm.link.call({ ...question, picture }, transfer);
    const square = /** @type {Square} */ (await this.#wasm.link.call({ method: "square", picture }, transfer));
    const gpu = this.#gpu;
    try {
      if (gpu) return await gpu.link.call({ ...question, square });
    } catch (error) {
      const reason = asPagesightError(error, "model");
      if (reason.code !== "model") throw reason;
      if (this.#gpu === gpu) {
        this.useWasm();
        gpu?.onFallback?.(reason);
      }
    }
    return this.#wasm.link.call({ ...question, square });
  }

  /**
   * @param {Source} source
   * @param {OutputName[]} wanted
   * @returns {Promise<Prediction>}
   */
  async #run(source, wanted) {
    const value = await this.#ask({ method: "predict", wanted }, source);
    const { outputs, milliseconds } =
      /** @type {{ outputs: Partial<Record<OutputName, Output>>, milliseconds: number }} */ (value);
    if (!outputs.probabilities)
      return { probabilities: new Float32Array(), embedding: outputs.embedding?.data, milliseconds };
    return {
      probabilities: outputs.probabilities.data,
      embedding: outputs.embedding?.data,
      features: outputs.features,
      milliseconds,
    };
  }
}
