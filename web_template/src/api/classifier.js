// A loaded model: what can be asked of it, and who computes the answers.
import { PagesightError, asPagesightError } from "../errors.js";
import { AssetLoader } from "../loading/asset_loader.js";
import { importBound } from "../loading/bound_module.js";
import { fetchPublished, whereIs } from "../loading/files.js";
import { toPicture } from "../input/source.js";
import { tryWorker } from "../worker/workers.js";
import { untilAborted } from "./abort.js";
import { here } from "./folder.js";
import { rank } from "./rank.js";

/**
 * @typedef {import("../input/source.js").Source} Source
 * @typedef {import("../loading/contract.js").Contract} Contract
 * @typedef {import("../input/pixels.js").Square} Square
 * @typedef {import("../worker/serve.js").OutputName} OutputName
 * @typedef {import("../worker/serve.js").Output} Output
 * @typedef {import("../worker/serve.js").BackendName} BackendName
 * @typedef {import("../worker/serve.js").Question} Question
 * @typedef {import("../worker/workers.js").Started} Started
 *
 * @typedef {object} Answer
 * @property {string} label
 * @property {number} probability 0..1
 * @property {boolean} sure whether it is as probable as the contract wants an answer to be
 *
 * @typedef {object} ClassifyOptions
 * @property {number} [topK] so many answers; all classes when it is left out
 * @property {AbortSignal} [signal] gives up: refused with its reason
 *
 * @typedef {object} Prediction
 * @property {Float32Array} probabilities [classes], in the order of contract.labels; they sum to 1, but where each label is independent of the others (multilabel)
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

/** What decides about the graphics card: fetched when it is asked for. */
const GPU_SCRIPT = "gpu.js";
/** A graphics card that hangs is given up after so long; while it starts, its driver compiles a program for each layer. */
const GPU_TIMEOUT_MS = 10_000;
const GPU_START_MS = 30_000;

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

  /** Whether extractFeatures() works, and so whether new classes can be taught. */
  get canDescribe() {
    return Boolean(this.contract.outputs.features ?? this.contract.outputs.embedding);
  }

  /**
   * @param {Source} source
   * @param {ClassifyOptions} [options]
   * @returns {Promise<Answer[]>} the most probable first
   */
  async classify(source, { topK, signal } = {}) {
    signal?.throwIfAborted();
    const { probabilities } = await untilAborted(this.predictProbabilities(source), signal);
    return this.rank(probabilities).slice(0, topK);
  }

  /**
   * One after the other; what cannot be read stops none of the others.
   * @param {Iterable<Source>} sources
   * @param {ClassifyOptions} [options]
   * @returns {Promise<({ answers: Answer[] } | { error: PagesightError })[]>} in the order of the sources
   */
  async classifyMany(sources, options = {}) {
    const found = [];
    for (const source of sources) {
      try {
        found.push({ answers: await this.classify(source, options) });
      } catch (error) {
        if (!(error instanceof PagesightError) || !["picture", "source"].includes(error.code)) throw error;
        found.push({ error });
      }
    }
    return found;
  }

  /**
   * An answer for each frame of a video that there is time for, until it ends or the signal says so: `for await (const answers of …)`.
   * @param {HTMLVideoElement} video
   * @param {ClassifyOptions} [options]
   * @returns {AsyncGenerator<Answer[], void, void>}
   */
  async *stream(video, options = {}) {
    const { signal } = options;
    try {
      while (!signal?.aborted && !video.ended) {
        await untilAborted(nextFrame(video), signal);
        yield await this.classify(video, options);
      }
    } catch (error) {
      if (!signal?.aborted) throw error;
    }
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
  predictProbabilities(source) {
    return this.#run(source, ["probabilities"]);
  }

  /**
   * What a new head is trained on: mean and maximum of the last feature map, or the embedding where there is no map.
   * @param {Source} source
   * @returns {Promise<{ vector: Float32Array, milliseconds: number }>}
   */
  async extractFeatures(source) {
    const value = await this.#ask({ method: "extractFeatures" }, source);
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
    return /** @type {Promise<Square>} */ (this.#hand({ method: "square", picture }, transfer));
  }

  /**
   * @param {Float32Array} probabilities in the order of contract.labels
   * @returns {Answer[]} the most probable first
   */
  rank(probabilities) {
    const { labels, decision } = this.contract;
    return rank(labels, probabilities).map((answer) => ({ ...answer, sure: answer.probability >= decision.threshold }));
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
   * @param {import("../worker/gpu.js").GpuOptions} [options]
   * @returns {Promise<import("../worker/gpu.js").Trial>}
   */
  async tryGpu({ onFallback, ...options } = {}) {
    this.useWasm();
    const turn = this.#turn;
    // A model with rare operations comes without it, and so does a page in one file.
    const carried = typeof whereIs(this.#folder, this.contract.model.path) !== "string";
    if (carried || !this.contract.files[GPU_SCRIPT]) return { backend: this.backend, attempts: [] };
    // Where this module lies in the bundle's folder, what is imported next is what was published.
    if (here === this.#folder) {
      await fetchPublished(this.#folder, this.contract.files, GPU_SCRIPT);
      await importBound(here + GPU_SCRIPT, this.contract.files[GPU_SCRIPT].sha256);
    }
    const { benchmarkBackend } = await import("../worker/gpu.js");
    const { started, attempts } = await benchmarkBackend(
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
    const assets = new AssetLoader(this.#folder, this.contract, undefined);
    const started = await tryWorker(worker, this.#folder, this.contract, assets, { timeoutMs: GPU_START_MS });
    if (!started) throw new PagesightError("model", "the model has operations that it cannot run");
    const { link } = started;
    link.timeoutMs = GPU_TIMEOUT_MS;
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
   * @param {import("../worker/serve.js").Call} call with a picture
   * @param {Transferable[]} transfer
   * @returns {Promise<unknown>}
   */
  async #hand(call, transfer) {
    try {
      return await this.#wasm.link.call(call, transfer);
    } catch (error) {
      // What was not handed over would hold its frame.
      for (const taken of transfer) /** @type {Partial<ImageBitmap>} */ (taken).close?.();
      if (/** @type {Error} */ (error).name !== "DataCloneError") throw error;
      throw new PagesightError(
        "source",
        'the browser does not hand this picture over: it comes from another site (load it with crossorigin="anonymous", which that site must allow), or it was closed',
      );
    }
  }

  /**
   * @param {Question} question
   * @param {Source} source
   * @returns {Promise<unknown>}
   */
  async #ask(question, source) {
    const { picture, transfer } = await toPicture(source);
    if (!this.#gpu) return this.#hand({ ...question, picture }, transfer);
    const square = /** @type {Square} */ (await this.#hand({ method: "square", picture }, transfer));
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

/** @param {HTMLVideoElement} video @returns {Promise<unknown>} settled when there is a frame that was not shown before */
const nextFrame = (video) =>
  new Promise((resolve) => {
    const next = () => {
      video.removeEventListener("ended", next);
      resolve(undefined);
    };
    video.addEventListener("ended", next);
    if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback(next);
    else requestAnimationFrame(next);
  });
