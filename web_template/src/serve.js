// The worker's side: answers the calls that pagesight.js sends.
import { evidence, pool } from "./describe.js";
import { PagesightError, asPagesightError } from "./errors.js";
import { place } from "./files.js";
import { checkGolden } from "./golden.js";
import { toSquare } from "./pixels.js";
import { Model } from "./runtime/model.js";

/**
 * @typedef {import("./runtime/model.js").OutputName} OutputName
 * @typedef {import("./runtime/model.js").Output} Output
 * @typedef {import("./decode.js").Picture} Picture
 * @typedef {import("./contract.js").Contract} Contract
 *
 * @typedef {{ base: string, contract: Contract, places: import("./files.js").Places }} Load
 * @typedef {{ method: "load", load: Load }
 *   | { method: "square", picture: Picture }
 *   | { method: "predict", picture: Picture, wanted: OutputName[] }
 *   | { method: "describe", picture: Picture }
 *   | { method: "explain", picture: Picture }
 *   | { method: "memory" }} Call
 * @typedef {{ id: number } & Call} Request
 * @typedef {{ id: number, value: unknown }
 *   | { id: number, error: { code: import("./errors.js").ErrorCode, message: string, file?: string } }
 *   | { progress: { file: string, bytes: number } }} Reply
 */

/** @param {(op: string) => boolean} knows the ops that this worker has kernels for */
export function serve(knows) {
  /** @type {{ model: Model, contract: Contract } | undefined} */
  let ready;

  /** @param {Reply} reply @param {Transferable[]} [transfer] */
  const send = (reply, transfer = []) => self.postMessage(reply, { transfer });

  /** @param {Call} call */
  async function answer(call) {
    if (call.method === "load") {
      const { base, contract, places } = call.load;
      place(base, places);
      const model = await Model.load(base, contract, knows, (file, bytes) => send({ progress: { file, bytes } }));
      if (model) await checkGolden(model, base, contract);
      ready = model && { model, contract };
      return model ? "wasm" : undefined;
    }
    if (!ready) throw new PagesightError("model", "the model is not loaded");
    const { model, contract } = ready;
    if (call.method === "memory") return model.memory();
    const square = await toSquare(call.picture, contract.input);
    if (call.method === "square") return square;
    const started = performance.now();
    const take = () => performance.now() - started;
    if (call.method === "describe") return { vector: describe(model, contract, square.data), milliseconds: take() };
    if (call.method === "explain") return { ...explain(model, square.data), milliseconds: take() };
    return { outputs: run(model, square.data, call.wanted), milliseconds: take() };
  }

  self.addEventListener("message", async (/** @type {MessageEvent<Request>} */ { data }) => {
    try {
      const value = await answer(data);
      send({ id: data.id, value }, transferable(value));
    } catch (error) {
      const { code, message, file } = asPagesightError(error, "model");
      send({ id: data.id, error: { code, message, file } });
    }
  });
}

/**
 * @param {Model} model
 * @param {Uint8ClampedArray} pixels
 * @param {OutputName[]} wanted
 */
function run(model, pixels, wanted) {
  try {
    return model.run(pixels, wanted);
  } catch (error) {
    throw asPagesightError(error, "model");
  }
}

/**
 * @param {Model} model
 * @param {Contract} contract
 * @param {Uint8ClampedArray} pixels
 */
function describe(model, { outputs: { features } }, pixels) {
  const found = run(model, pixels, [features ? "features" : "embedding"]);
  if (found.features) return pool(found.features);
  return found.embedding?.data;
}

/**
 * @param {Model} model
 * @param {Uint8ClampedArray} pixels
 */
function explain(model, pixels) {
  const { probabilities, features } = run(model, pixels, ["probabilities", "features"]);
  if (!probabilities || !features) throw new PagesightError("model", "the model gave no answer");
  const [, height, width] = features.shape;
  const { data } = probabilities;
  const best = data.indexOf(data.reduce((a, b) => Math.max(a, b)));
  const map = evidence(model.runPlaces(features), data.length, best);
  return { probabilities: data, map, width, height };
}

/**
 * The buffers of a result, moved instead of copied.
 * @param {unknown} value
 * @returns {Transferable[]}
 */
function transferable(value) {
  if (ArrayBuffer.isView(value)) return [/** @type {ArrayBuffer} */ (value.buffer)];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(transferable);
}
