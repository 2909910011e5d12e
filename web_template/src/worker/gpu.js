// Whether a graphics card answers faster than WebAssembly on this very machine, and equally: tried, never assumed. Loaded by
// Classifier.tryGpu() alone.

/**
 * @typedef {"webgpu" | "webgl"} GpuName
 * @typedef {import("./serve.js").Question} Question
 * @typedef {import("./serve.js").Outputs} Outputs
 * @typedef {import("../input/pixels.js").Square} Square
 * @typedef {(question: Question, square: Square) => Promise<unknown>} Ask
 *
 * @typedef {object} GpuOptions
 * @property {GpuName[]} [backends] to try, in this order; those that the browser offers on real hardware when left out
 * @property {number} [margin] how many times faster than WebAssembly it must be; 0 takes whatever answers rightly
 * @property {(reason: import("../errors.js").PagesightError) => void} [onFallback] it failed in use, and WebAssembly answers again
 *
 * @typedef {object} Attempt
 * @property {GpuName} backend
 * @property {"taken" | "slower" | "wrong" | "failed"} verdict
 * @property {string} [device] what the machine calls the graphics card
 * @property {number} [milliseconds] median of its forward passes, reading the answer back included
 * @property {number} [wasm] median of WebAssembly's, asked in turn with it
 * @property {string} [message] what was wrong
 *
 * @typedef {{ backend: import("./serve.js").BackendName, attempts: Attempt[] }} Trial what answers now, and why
 *
 * @typedef {{ device?: string, ask: Ask, close: () => void }} Started a model on a graphics card
 */

const MARGIN = 1.2;
/** Answers before the clock counts, and those that count. */
const WARM_UP = 2;
const ROUNDS = 7;
/** So many decide already that it is slower. */
const ENOUGH_TO_LOSE = 3;
/** Of the largest value, or of 1: float32 sums in another order differ by far less. */
const MOST_APART = 1e-3;

/**
 * @template {Started} T
 * @param {import("../loading/contract.js").Contract} contract
 * @param {Ask} wasm
 * @param {(backend: GpuName) => Promise<T>} start refuses what answers the bundle's own picture wrongly
 * @param {Pick<GpuOptions, "backends" | "margin">} options
 * @returns {Promise<{ started?: T, attempts: Attempt[] }>} the first that is right, and faster by the margin
 */
export async function benchmarkBackend(contract, wasm, start, { backends, margin = MARGIN }) {
  const square = noise(contract.input);
  const attempts = [];
  for (const backend of backends ?? (await offered())) {
    const { started, attempt } = await tryOne(backend, contract, square, wasm, start, margin);
    attempts.push(attempt);
    if (started) return { started, attempts };
  }
  return { attempts };
}

/**
 * @template {Started} T
 * @param {GpuName} backend
 * @param {import("../loading/contract.js").Contract} contract
 * @param {Square} square
 * @param {Ask} wasm
 * @param {(backend: GpuName) => Promise<T>} start
 * @param {number} margin
 * @returns {Promise<{ started?: T, attempt: Attempt }>}
 */
async function tryOne(backend, contract, square, wasm, start, margin) {
  /** @type {T | undefined} */
  let started;
  /** @type {Attempt} */
  const attempt = { backend, verdict: "failed" };
  try {
    started = await start(backend);
    attempt.device = started.device;
    const names = /** @type {const} */ (["probabilities", "embedding", "features"]);
    const wanted = names.filter((name) => contract.outputs[name]);
    const theirs = await forward(started.ask, square, [...wanted]);
    const ours = await forward(wasm, square, [...wanted]);
    const other = wanted.find((name) => !alike(theirs.outputs[name]?.data, ours.outputs[name]?.data));
    if (other) Object.assign(attempt, { verdict: "wrong", message: `the ${other} differ from WebAssembly's` });
    else {
      const times = await race(started.ask, wasm, square, margin);
      const verdict = times.milliseconds * margin <= times.wasm ? "taken" : "slower";
      Object.assign(attempt, { verdict, ...times });
    }
  } catch (error) {
    const { code, message } = /** @type {{ code?: string, message: string }} */ (error);
    Object.assign(attempt, { verdict: code === "wrong-answer" ? "wrong" : "failed", message });
  }
  if (attempt.verdict === "taken") return { started, attempt };
  started?.close();
  return { attempt };
}

/**
 * The kinds that this browser offers, and not by computing on the processor after all.
 * @returns {Promise<GpuName[]>}
 */
async function offered() {
  /** @type {GpuName[]} */
  const found = [];
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  const { isFallbackAdapter, info } = /** @type {any} */ (adapter ?? {});
  if (adapter && !isFallbackAdapter && !info?.isFallbackAdapter) found.push("webgpu");
  const canvas = typeof OffscreenCanvas === "function" ? new OffscreenCanvas(1, 1) : undefined;
  const context = canvas?.getContext("webgl2", { failIfMajorPerformanceCaveat: true });
  context?.getExtension("WEBGL_lose_context")?.loseContext();
  if (context) found.push("webgl");
  return found;
}

/**
 * Noise: a picture that nothing was tuned on.
 * @param {import("../loading/contract.js").Contract["input"]} input
 * @returns {Square}
 */
function noise({ side, channels }) {
  const data = Uint8ClampedArray.from({ length: side * side * channels }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 24);
  return { data, width: side, height: side, channels };
}

/**
 * @param {Float32Array | undefined} a
 * @param {Float32Array | undefined} b
 */
function alike(a, b) {
  if (!a || !b || a.length !== b.length) return false;
  const most = MOST_APART * b.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
  return b.every((value, i) => Math.abs(value - a[i]) <= most);
}

/**
 * In turn, so that what else the machine does meets both.
 * @param {Ask} gpu
 * @param {Ask} wasm
 * @param {Square} square
 * @param {number} margin
 * @returns {Promise<{ milliseconds: number, wasm: number }>} medians
 */
async function race(gpu, wasm, square, margin) {
  /** @type {number[][]} */
  const [theirs, ours] = [[], []];
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    const them = await forward(gpu, square, ["probabilities"]);
    const us = await forward(wasm, square, ["probabilities"]);
    if (round < 0) continue;
    theirs.push(them.milliseconds);
    ours.push(us.milliseconds);
    if (round + 1 >= ENOUGH_TO_LOSE && Math.min(...theirs) * margin > Math.max(...ours)) break;
  }
  return { milliseconds: median(theirs), wasm: median(ours) };
}

/**
 * @param {Ask} ask
 * @param {Square} square
 * @param {import("./serve.js").OutputName[]} wanted
 */
const forward = async (ask, square, wanted) =>
  /** @type {{ outputs: Outputs, milliseconds: number }} */ (await ask({ method: "predict", wanted }, square));

/** @param {number[]} values */
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
