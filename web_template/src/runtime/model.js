// A stock TF.js graph model on the WASM backend: one forward pass from a square to its outputs.
import { dispose, engine, env, getBackend, memory, setBackend, tensor } from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-converter/dist/flags.js";
import { GraphModel } from "@tensorflow/tfjs-converter/dist/executor/graph_model.js";
import "@tensorflow/tfjs-backend-wasm/dist/base.js";
import { PagesightError, asPagesightError } from "../errors.js";
import { fetchPublished } from "../files.js";
import { useBinary } from "./wasm_factory.js";

/**
 * @typedef {import("../contract.js").Contract} Contract
 * @typedef {"probabilities" | "embedding" | "features"} OutputName
 * @typedef {{ data: Float32Array, shape: number[] }} Output
 * @typedef {{ node?: { name: string, op: string, input?: string[] }[] }} GraphDef
 * @typedef {{ modelTopology: GraphDef, modelInitializer?: GraphDef, weightsManifest: import("@tensorflow/tfjs-core/dist/io/types.js").WeightsManifestConfig }} ModelJson
 */

/** A module with one SIMD instruction, from GoogleChromeLabs/wasm-feature-detect. */
const SIMD_PROBE = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 9, 1, 7, 0, 65, 0, 253, 15, 26, 11],
);

export class Model {
  /** @type {GraphModel<any>} */
  #graph;
  /** @type {Contract} */
  #contract;
  #lastMap;

  /**
   * @param {GraphModel<any>} graph
   * @param {Contract} contract
   * @param {string | undefined} lastMap the node that computes the last feature map
   */
  constructor(graph, contract, lastMap) {
    this.#graph = graph;
    this.#contract = contract;
    this.#lastMap = lastMap;
  }

  /**
   * Fetches, checks and starts the model; the first answer is as fast as the later ones.
   * @param {string} base address of the bundle's folder
   * @param {Contract} contract
   * @param {(op: string) => boolean} knows whether this worker's kernels run an op
   * @param {(file: string, bytes: number) => void} arrived called for each file that has been checked
   * @returns {Promise<Model | undefined>} undefined when the graph has ops that this worker does not know
   */
  static async load(base, contract, knows, arrived) {
    const take = async (/** @type {string} */ path) => {
      const bytes = await fetchPublished(base, contract.files, path);
      arrived(path, bytes.byteLength);
      return bytes;
    };
    const [bytes] = await Promise.all([take(contract.model.path), startBackend(take)]);
    /** @type {ModelJson} */
    const json = JSON.parse(new TextDecoder().decode(bytes));
    const nodes = [...(json.modelTopology.node ?? []), ...(json.modelInitializer?.node ?? [])];
    if (!nodes.every(({ op }) => knows(op))) return undefined;
    const folder = contract.model.path.replace(/[^/]*$/, "");
    const shards = await Promise.all(
      json.weightsManifest.flatMap(({ paths }) => paths.map((path) => take(folder + path))),
    );
    try {
      const graph = new GraphModel({
        load: async () => ({
          ...json,
          weightSpecs: json.weightsManifest.flatMap(({ weights }) => weights),
          weightData: join(shards),
        }),
      });
      await graph.load();
      const model = new Model(graph, contract, producerOf(json.modelTopology, contract.outputs.features));
      model.#warmUp();
      return model;
    } catch (error) {
      throw asPagesightError(error, "model");
    }
  }

  /**
   * @param {Uint8ClampedArray} pixels side × side × channels, 0..255
   * @param {OutputName[]} wanted
   * @returns {Partial<Record<OutputName, Output>>} each copied out of the WASM heap
   */
  run(pixels, wanted) {
    const { side, channels } = this.#contract.input;
    const names = wanted.map((name) => {
      const node = this.#contract.outputs[name];
      if (!node) throw new PagesightError("contract", `this model has no output called ${name}`);
      return node;
    });
    /** @type {Partial<Record<OutputName, Output>>} */
    const outputs = {};
    const input = tensor(new Float32Array(pixels), [1, side, side, channels], "float32");
    // No tidy() here: it would take away what the model's initializer graph computes once, in the first execute().
    const results = [this.#graph.execute(input, names)].flat();
    wanted.forEach((name, i) => {
      outputs[name] = { data: new Float32Array(results[i].dataSync()), shape: results[i].shape };
    });
    dispose([input, ...results]);
    return outputs;
  }

  /**
   * What the head answers where it sees one place of the feature map alone: a class activation map that needs to know
   * nothing of the head (Zhou et al. 2016, "Learning Deep Features for Discriminative Localization").
   * @param {Output} features [1, h, w, d]
   * @returns {Float32Array} [h × w, classes], each row summing to 1
   */
  runPlaces({ data, shape: [, height, width, depth] }) {
    if (!this.#lastMap) throw new PagesightError("contract", "this model has no output called features");
    const places = tensor(data, [height * width, 1, 1, depth], "float32");
    const [result] = [this.#graph.execute({ [this.#lastMap]: places }, this.#contract.outputs.probabilities)].flat();
    const rows = new Float32Array(result.dataSync());
    dispose([places, result]);
    return rows;
  }

  /** @returns {{ numTensors: number, numBytes: number }} what TF.js holds, the weights included */
  memory() {
    const { numTensors, numBytes } = memory();
    return { numTensors, numBytes };
  }

  #warmUp() {
    const { input, labels } = this.#contract;
    const { probabilities } = this.run(new Uint8ClampedArray(input.side ** 2 * input.channels), ["probabilities"]);
    const columns = probabilities?.data.length;
    if (columns !== labels.length) {
      throw new PagesightError(
        "contract",
        `the model answers ${columns} classes, contract.json names ${labels.length}`,
      );
    }
  }
}

/**
 * @param {(path: string) => Promise<ArrayBuffer>} take
 */
async function startBackend(take) {
  if (typeof WebAssembly !== "object") throw new PagesightError("no-wasm", "this browser has no WebAssembly");
  if (!WebAssembly.validate(SIMD_PROBE)) {
    throw new PagesightError("old-browser", "this browser's WebAssembly has no SIMD instructions: it is too old");
  }
  const binary = await take("tfjs-backend-wasm-simd.wasm");
  try {
    useBinary(await WebAssembly.compile(binary));
    env().set("WASM_HAS_SIMD_SUPPORT", true);
    env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
    await setBackend("wasm");
  } catch (error) {
    throw asPagesightError(error, "no-wasm");
  }
  // setBackend answers false, or another backend, where it fails: only the name it ended up with can be trusted.
  if (getBackend() !== "wasm" || !engine().backendName) {
    throw new PagesightError("no-wasm", "WebAssembly did not start in this browser");
  }
}

/**
 * An output may be a mere name (Identity) for what the rest of the graph reads.
 * @param {GraphDef} graph
 * @param {string | null | undefined} output
 * @returns {string | undefined}
 */
function producerOf({ node: nodes = [] }, output) {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  let name = output?.replace(/:\d+$/, "");
  for (let node = byName.get(name ?? ""); node?.op === "Identity" && node.input; node = byName.get(name ?? "")) {
    name = node.input[0].replace(/:\d+$/, "");
  }
  return name;
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
