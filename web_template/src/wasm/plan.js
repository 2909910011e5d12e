// A graph model that is run by a plan of its own instead of TF.js.
import { PagesightError } from "../errors.js";
import { producerOf } from "../loading/tensor_names.js";
import { WasmRuntime } from "./kernels.js";
import { UnsupportedGraph, require } from "./unsupported_graph.js";
import { Program } from "./program.js";
import { Weights } from "./weights.js";

/**
 * @typedef {import("../loading/contract.js").Contract} Contract
 * @typedef {import("../worker/serve.js").OutputName} OutputName
 * @typedef {import("../worker/serve.js").Output} Output
 * @typedef {import("../worker/serve.js").Runner} Runner
 * @typedef {{ modelTopology: { node: import("./nodes.js").GraphNode[] }, modelInitializer?: object, weightsManifest: import("./weights.js").WeightsManifest }} ModelJson
 */

/** @implements {Runner} */
export class Plan {
  /** @type {import("../worker/serve.js").BackendName} */
  backend = "wasm";
  #contract;
  #machine;
  #graph;
  #program;
  /** @type {{ names: OutputName[], tensors: string[] }} */
  #outputs = { names: [], tensors: [] };
  /** @type {Program | undefined} */
  #places;

  /**
   * @param {Contract} contract
   * @param {ModelJson} json
   * @param {ArrayBuffer} weights
   * @throws {UnsupportedGraph}
   */
  constructor(contract, json, weights) {
    require(!json.modelInitializer, "a graph that computes weights");
    const { side, channels } = contract.input;
    const nodes = new Map(json.modelTopology.node.map((node) => [node.name, node]));
    const inputs = json.modelTopology.node.filter(({ op }) => op === "Placeholder");
    require(inputs.length === 1, "other than one input");
    this.#contract = contract;
    for (const name of /** @type {OutputName[]} */ (["probabilities", "embedding", "features"])) {
      const tensor = contract.outputs[name];
      if (!tensor) continue;
      this.#outputs.names.push(name);
      this.#outputs.tensors.push(tensor);
    }
    this.#graph = { nodes, weights: new Weights(json.weightsManifest, weights) };
    this.#machine = new WasmRuntime();
    const shape = [1, side, side, channels];
    this.#program = new Program(this.#machine, this.#graph, inputs[0].name, shape, this.#outputs.tensors, true);
  }

  /**
   * @param {Contract} contract
   * @param {ModelJson} json
   * @param {ArrayBuffer} weights
   * @returns {Plan | undefined} undefined where the graph needs TF.js' own executor
   */
  static of(contract, json, weights) {
    try {
      return new Plan(contract, json, weights);
    } catch (error) {
      if (error instanceof UnsupportedGraph) return undefined;
      throw error;
    }
  }

  /** @type {Runner["run"]} */
  run(pixels, wanted) {
    const results = this.#program.run(pixels);
    /** @type {Partial<Record<OutputName, Output>>} */
    const outputs = {};
    for (const name of wanted) {
      const i = this.#outputs.names.indexOf(name);
      if (i < 0) throw new PagesightError("contract", `this model has no output called ${name}`);
      outputs[name] = results[i];
    }
    return outputs;
  }

  /** @type {Runner["runPlaces"]} */
  runPlaces({ data, shape: [, height, width, depth] }) {
    const { features, probabilities } = this.#contract.outputs;
    if (!features) throw new PagesightError("contract", "this model has no output called features");
    // The node that computes the map, and not a mere name of it: the head may read either.
    const map = producerOf(this.#graph.nodes, features);
    const shape = [height * width, 1, 1, depth];
    this.#places ??= new Program(this.#machine, this.#graph, map, shape, [probabilities]);
    return this.#places.run(data)[0].data;
  }

  /** @type {Runner["memory"]} */
  memory() {
    return { numTensors: this.#machine.held, numBytes: this.#machine.bytes };
  }
}
