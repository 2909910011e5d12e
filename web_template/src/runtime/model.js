// A stock TF.js graph model on the WASM backend: one forward pass from a square to its outputs.
import { dispose, engine, env, getBackend, memory, setBackend, tensor } from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-converter/dist/flags.js";
import { GraphModel } from "@tensorflow/tfjs-converter/dist/executor/graph_model.js";
import "@tensorflow/tfjs-backend-wasm/dist/base.js";
import { PagesightError, asPagesightError } from "../errors.js";
import { useBinary } from "./wasm_factory.js";

/**
 * @typedef {import("../contract.js").Contract} Contract
 * @typedef {import("../serve.js").OutputName} OutputName
 * @typedef {import("../serve.js").Output} Output
 * @typedef {import("../serve.js").Runner} Runner
 * @typedef {{ node?: { name: string, op: string, input?: string[] }[] }} GraphDef
 * @typedef {{ modelTopology: GraphDef, modelInitializer?: GraphDef, weightsManifest: import("@tensorflow/tfjs-core/dist/io/types.js").WeightsManifestConfig }} ModelJson
 */

const BINARY = "tfjs-backend-wasm-simd.wasm";

/** A module with one SIMD instruction, from GoogleChromeLabs/wasm-feature-detect. */
const SIMD_PROBE = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 9, 1, 7, 0, 65, 0, 253, 15, 26, 11],
);

/** @implements {Runner} */
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
   * @param {import("../serve.js").Parts} parts
   * @param {(op: string) => boolean} knows whether this worker's kernels run an op
   * @returns {Promise<Model | undefined>} undefined when the graph has ops that this worker does not know
   */
  static async load({ contract, json, weights, files }, knows) {
    const { modelTopology, modelInitializer, weightsManifest } = /** @type {ModelJson} */ (json);
    const nodes = [...(modelTopology.node ?? []), ...(modelInitializer?.node ?? [])];
    if (!nodes.every(({ op }) => knows(op))) return undefined;
    await startBackend(files[BINARY]);
    try {
      const graph = new GraphModel({
        load: async () => ({
          ...json,
          weightSpecs: weightsManifest.flatMap(({ weights: specs }) => specs),
          weightData: weights,
        }),
      });
      await graph.load();
      return new Model(graph, contract, producerOf(modelTopology, contract.outputs.features));
    } catch (error) {
      throw asPagesightError(error, "model");
    }
  }

  /** @type {Runner["run"]} */
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

  /** @type {Runner["runPlaces"]} */
  runPlaces({ data, shape: [, height, width, depth] }) {
    if (!this.#lastMap) throw new PagesightError("contract", "this model has no output called features");
    const places = tensor(data, [height * width, 1, 1, depth], "float32");
    const [result] = [this.#graph.execute({ [this.#lastMap]: places }, this.#contract.outputs.probabilities)].flat();
    const rows = new Float32Array(result.dataSync());
    dispose([places, result]);
    return rows;
  }

  /** @type {Runner["memory"]} */
  memory() {
    const { numTensors, numBytes } = memory();
    return { numTensors, numBytes };
  }
}

/** @param {ArrayBuffer} binary */
async function startBackend(binary) {
  if (typeof WebAssembly !== "object") throw new PagesightError("no-wasm", "this browser has no WebAssembly");
  if (!WebAssembly.validate(SIMD_PROBE)) {
    throw new PagesightError("old-browser", "this browser's WebAssembly has no SIMD instructions: it is too old");
  }
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
