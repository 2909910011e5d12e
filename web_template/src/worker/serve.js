// The worker's side: answers the calls that pagesight.js sends.
import { evidence, pool } from "./features.js";
import { PagesightError, asPagesightError } from "../errors.js";
import { firstAnswer } from "./self_test.js";
import { decodeElsewhere, notAPicture } from "../input/bitmap.js";
import { toSquare } from "../input/pixels.js";

/**
 * @typedef {import("../input/decode.js").Picture} Picture
 * @typedef {import("../loading/contract.js").Contract} Contract
 * @typedef {"probabilities" | "embedding" | "features"} OutputName
 * @typedef {{ data: Float32Array, shape: number[] }} Output
 *
 * @typedef {"wasm" | "tfjs-wasm" | "webgpu" | "webgl"} BackendName
 * @typedef {Partial<Record<OutputName, Output>>} Outputs
 *
 * @typedef {object} Runner a model that is ready to answer
 * @property {BackendName} backend
 * @property {string} [device] what the machine calls the graphics card
 * @property {(pixels: Uint8ClampedArray, wanted: OutputName[]) => Outputs | Promise<Outputs>} run
 *   pixels side × side × channels, 0..255; the outputs are copies
 * @property {(features: Output) => Float32Array | Promise<Float32Array>} runPlaces what the head answers where it sees one place of the feature map
 *   [1, h, w, d] alone, [h × w, classes]: a class activation map that needs to know nothing of the head (Zhou et al. 2016,
 *   "Learning Deep Features for Discriminative Localization")
 * @property {() => { numTensors: number, numBytes: number }} memory what is held, the weights included
 *
 * @typedef {Record<string, ArrayBuffer>} Files by their path in the bundle, checked
 * @typedef {{ contract: Contract, json: any, weights: ArrayBuffer, files: Files }} Parts json: model.json; weights: all shards
 * @typedef {(parts: Parts) => Runner | undefined | Promise<Runner | undefined>} Open undefined where this worker cannot run the graph
 *
 * @typedef {{ contract: Contract, files: Files }} Load
 * @typedef {{ backend: BackendName, device?: string }} Loaded
 * @typedef {{ method: "predict", wanted: OutputName[] } | { method: "extractFeatures" } | { method: "explain" }} Question
 * @typedef {{ picture: Picture } | { square: import("../input/pixels.js").Square }} Asked a square is what a picture was made into
 * @typedef {{ method: "load", load: Load }
 *   | { method: "square", picture: Picture }
 *   | { method: "memory" }
 *   | (Question & Asked)} Call
 * @typedef {{ id: number } & Call} Request
 * @typedef {{ id: number, value: unknown }
 *   | { id: number, error: { code: import("../errors.js").ErrorCode, message: string, file?: string } }
 *   | { id: number, decode: Uint8Array<ArrayBuffer> }} Reply decode: what the page is asked to decode, the id is the worker's
 * @typedef {{ decoded: number, bitmap?: ImageBitmap }} Decoded the page's answer; without a bitmap it is no picture
 */

/** The id of a reply to no call. */
const NOBODY = -1;

/** @param {Open} open */
export function serve(open) {
  /** @type {{ model: Runner, contract: Contract } | undefined} */
  let ready;

  /** @param {Reply} reply @param {Transferable[]} [transfer] */
  const send = (reply, transfer = []) => self.postMessage(reply, { transfer });

  /** @param {Load} load */
  async function start({ contract, files }) {
    // The golden picture is decoded while the model is made ready.
    const golden = files[contract.golden?.path ?? ""];
    const square = golden && toSquare(golden, contract.input);
    // Without WebAssembly both fail, and one says so.
    if (square) square.catch(() => {});
    const model = await open(partsOf(contract, files));
    if (model) await firstAnswer(model, contract, (await square)?.data);
    ready = model && { model, contract };
    return model && { backend: model.backend, device: model.device };
  }

  /** @param {Call} call */
  async function answer(call) {
    if (call.method === "load") return start(call.load);
    if (!ready) throw new PagesightError("model", "the model is not loaded");
    const { model, contract } = ready;
    if (call.method === "memory") return model.memory();
    const square = "square" in call ? call.square : await toSquare(call.picture, contract.input);
    if (call.method === "square") return square;
    const started = performance.now();
    const take = () => performance.now() - started;
    if (call.method === "extractFeatures")
      return { vector: await extractFeatures(model, contract, square.data), milliseconds: take() };
    if (call.method === "explain") return { ...(await explain(model, square.data)), milliseconds: take() };
    return { outputs: await run(model, square.data, call.wanted), milliseconds: take() };
  }

  /** What the page is decoding. @type {Map<number, (bitmap?: ImageBitmap) => void>} */
  const decoding = new Map();
  let asked = 0;
  decodeElsewhere(
    (file) =>
      new Promise((resolve, reject) => {
        decoding.set(asked, (bitmap) => (bitmap ? resolve(bitmap) : reject(notAPicture())));
        send({ id: asked++, decode: file });
      }),
  );

  self.addEventListener("message", async (/** @type {MessageEvent<Request | Decoded>} */ { data }) => {
    if ("decoded" in data) {
      decoding.get(data.decoded)?.(data.bitmap);
      decoding.delete(data.decoded);
      return;
    }
    try {
      const value = await answer(data);
      send({ id: data.id, value }, transferable(value));
    } catch (error) {
      const { code, message, file } = asPagesightError(error, "model");
      send({ id: data.id, error: { code, message, file } });
    }
  });
  send({ id: NOBODY, value: "started" });
}

/**
 * @param {Contract} contract
 * @param {Files} files
 * @returns {Parts}
 */
function partsOf(contract, files) {
  const { path } = contract.model;
  const folder = path.replace(/[^/]*$/, "");
  const json = JSON.parse(new TextDecoder().decode(files[path]));
  const shards = json.weightsManifest.flatMap((/** @type {{ paths: string[] }} */ { paths }) => paths);
  return {
    contract,
    json,
    weights: join(shards.map((/** @type {string} */ shard) => found(files, folder + shard))),
    files,
  };
}

/** @param {Files} files @param {string} path */
function found(files, path) {
  if (!files[path]) throw new PagesightError("contract", `contract.json does not list ${path}`, path);
  return files[path];
}

/** @param {ArrayBuffer[]} parts */
function join(parts) {
  if (parts.length === 1) return parts[0];
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(new Uint8Array(part), at);
    at += part.byteLength;
  }
  return whole.buffer;
}

/**
 * @param {Runner} model
 * @param {Uint8ClampedArray} pixels
 * @param {OutputName[]} wanted
 */
async function run(model, pixels, wanted) {
  try {
    return await model.run(pixels, wanted);
  } catch (error) {
    throw asPagesightError(error, "model");
  }
}

/**
 * @param {Runner} model
 * @param {Contract} contract
 * @param {Uint8ClampedArray} pixels
 */
async function extractFeatures(model, { outputs: { features } }, pixels) {
  const found = await run(model, pixels, [features ? "features" : "embedding"]);
  if (found.features) return pool(found.features);
  return found.embedding?.data;
}

/**
 * @param {Runner} model
 * @param {Uint8ClampedArray} pixels
 */
async function explain(model, pixels) {
  const { probabilities, features } = await run(model, pixels, ["probabilities", "features"]);
  if (!probabilities || !features) throw new PagesightError("model", "the model gave no answer");
  const [, height, width] = features.shape;
  const { data } = probabilities;
  const best = data.indexOf(data.reduce((a, b) => Math.max(a, b)));
  const map = evidence(await model.runPlaces(features), data.length, best);
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
