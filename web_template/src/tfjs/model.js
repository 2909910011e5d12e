// A stock TF.js graph model on one of its backends: one forward pass from a square to its outputs.
import { dispose, memory, tensor } from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-converter/dist/flags.js";
import { GraphModel } from "@tensorflow/tfjs-converter/dist/executor/graph_model.js";
import { PagesightError, asPagesightError } from "../errors.js";
import { producerOf } from "../loading/tensor_names.js";

/**
 * @typedef {import("../loading/contract.js").Contract} Contract
 * @typedef {import("../worker/serve.js").OutputName} OutputName
 * @typedef {import("../worker/serve.js").Output} Output
 * @typedef {import("../worker/serve.js").Runner} Runner
 * @typedef {{ node?: { name: string, op: string, input?: string[] }[] }} GraphDef
 * @typedef {import("@tensorflow/tfjs-core").Tensor} Tensor
 *
 * @typedef {object} Backend
 * @property {import("../worker/serve.js").BackendName} name
 * @property {(files: import("../worker/serve.js").Files) => Promise<string>} start resolves with what the machine calls the device
 * @property {(tensor: Tensor) => Float32Array<ArrayBuffer> | Promise<Float32Array<ArrayBuffer>>} read a copy of its values
 *
 * @typedef {{ modelTopology: GraphDef, modelInitializer?: GraphDef, weightsManifest: import("@tensorflow/tfjs-core/dist/io/types.js").WeightsManifestConfig }} ModelJson
 */

/** @implements {Runner} */
export class Model {
  /** @type {GraphModel<any>} */
  #graph;
  /** @type {Contract} */
  #contract;
  #lastMap;
  #read;

  /**
   * @param {GraphModel<any>} graph
   * @param {Contract} contract
   * @param {string | undefined} lastMap the node that computes the last feature map
   * @param {Backend} backend
   * @param {string} device
   */
  constructor(graph, contract, lastMap, backend, device) {
    this.#graph = graph;
    this.#contract = contract;
    this.#lastMap = lastMap;
    this.#read = backend.read;
    this.backend = backend.name;
    this.device = device;
  }

  /**
   * @param {import("../worker/serve.js").Parts} parts
   * @param {(op: string) => boolean} knows whether this worker's kernels run an op
   * @param {Backend} backend
   * @returns {Promise<Model | undefined>} undefined when the graph has ops that this worker does not know
   */
  static async load({ contract, json, weights, files }, knows, backend) {
    const { modelTopology, modelInitializer, weightsManifest } = /** @type {ModelJson} */ (json);
    const nodes = [...(modelTopology.node ?? []), ...(modelInitializer?.node ?? [])];
    if (!nodes.every(({ op }) => knows(op))) return undefined;
    try {
      const device = await backend.start(files);
      const graph = new GraphModel({
        load: async () => ({
          ...json,
          weightSpecs: weightsManifest.flatMap(({ weights: specs }) => specs),
          weightData: weights,
        }),
      });
      await graph.load();
      const named = new Map((modelTopology.node ?? []).map((node) => [node.name, node]));
      const map = contract.outputs.features ? producerOf(named, contract.outputs.features) : undefined;
      return new Model(graph, contract, map, backend, device);
    } catch (error) {
      throw asPagesightError(error, "model");
    }
  }

  /** @type {Runner["run"]} */
  async run(pixels, wanted) {
    const { side, channels } = this.#contract.input;
    const names = wanted.map((name) => {
      const node = this.#contract.outputs[name];
      if (!node) throw new PagesightError("contract", `this model has no output called ${name}`);
      return node;
    });
    /** @type {Partial<Record<OutputName, Output>>} */
    const outputs = {};
    const input = tensor(new Float32Array(pixels), [1, side, side, channels], "float32");
    /** @type {import("@tensorflow/tfjs-core").Tensor[]} */
    let results = [];
    try {
      // No tidy() here: it would take away what the model's initializer graph computes once, in the first execute().
      results = [this.#graph.execute(input, names)].flat();
      const values = await Promise.all(results.map((result) => this.#read(result)));
      wanted.forEach((name, i) => (outputs[name] = { data: values[i], shape: results[i].shape }));
    } finally {
      dispose([input, ...results]);
    }
    return outputs;
  }

  /** @type {Runner["runPlaces"]} */
  async runPlaces({ data, shape: [, height, width, depth] }) {
    if (!this.#lastMap) throw new PagesightError("contract", "this model has no output called features");
    const places = tensor(data, [height * width, 1, 1, depth], "float32");
    /** @type {import("@tensorflow/tfjs-core").Tensor[]} */
    let results = [];
    try {
      results = [this.#graph.execute({ [this.#lastMap]: places }, this.#contract.outputs.probabilities)].flat();
      return await this.#read(results[0]);
    } finally {
      dispose([places, ...results]);
    }
  }

  /** @type {Runner["memory"]} */
  memory() {
    const { numTensors, numBytes } = memory();
    return { numTensors, numBytes };
  }
}
