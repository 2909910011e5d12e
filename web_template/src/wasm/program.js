// A graph, compiled once for one shape of input: from then on a forward pass is a list of calls.
import { PlanBuilder } from "./plan_builder.js";
import { UnsupportedGraph } from "./unsupported_graph.js";
import { nodeOf } from "../loading/tensor_names.js";
import { OPERATIONS } from "./operations.js";

/**
 * @typedef {import("./plan_builder.js").Value} Value
 * @typedef {import("./plan_builder.js").Computed} Computed
 * @typedef {import("./kernels.js").WasmRuntime} WasmRuntime
 * @typedef {import("./nodes.js").GraphNode} GraphNode
 * @typedef {{ nodes: Map<string, GraphNode>, weights: import("./weights.js").Weights }} Graph
 */

export class Program {
  #machine;
  #input;
  #outputs;
  #steps;

  /**
   * @param {WasmRuntime} machine
   * @param {Graph} graph
   * @param {string} from the tensor that is given
   * @param {number[]} shape of it
   * @param {string[]} to the tensors that are wanted
   * @param {boolean} bytes whether the input comes as uint8
   * @throws {UnsupportedGraph} where the graph needs more than a straight line of known steps
   */
  constructor(machine, graph, from, shape, to, bytes = false) {
    const builder = new PlanBuilder();
    const given = bytes ? builder.value([Math.ceil(shape.reduce((a, b) => a * b) / 4)]) : builder.value(shape);
    const first = bytes ? widened(builder, given, shape) : given;
    /** @type {Map<string, Value>} */
    const found = new Map([[nodeOf(from), first]]);
    const outputs = to.map((tensor) => computed(builder, graph, found, nodeOf(tensor)));
    outputs.forEach((output) => builder.keep(output));
    this.#machine = machine;
    this.#steps = builder.finish(machine);
    this.#input = given.buffer.address;
    this.#outputs = outputs;
  }

  /**
   * @param {Uint8ClampedArray | Float32Array} input
   * @returns {{ data: Float32Array, shape: number[] }[]} copies of the outputs, in their order
   */
  run(input) {
    if (input instanceof Float32Array) this.#machine.floats(this.#input, input.length).set(input);
    else this.#machine.octets(this.#input, input.length).set(input);
    for (const step of this.#steps) step();
    return this.#outputs.map(({ buffer, shape }) => ({
      data: this.#machine.floats(buffer.address, buffer.floats).slice(),
      shape,
    }));
  }
}

/**
 * @param {PlanBuilder} builder
 * @param {Computed} given
 * @param {number[]} shape
 */
function widened(builder, given, shape) {
  const out = builder.value(shape);
  builder.step([given], ({ kernels }) => () => {
    kernels.widen(given.buffer.address, out.buffer.address, out.buffer.floats);
  });
  return out;
}

/**
 * @param {PlanBuilder} builder
 * @param {Graph} graph
 * @param {Map<string, Value>} found
 * @param {string} name
 * @returns {Computed}
 */
function computed(builder, graph, found, name) {
  const value = valueOf(builder, graph, found, name);
  if (!("buffer" in value)) throw new UnsupportedGraph("a constant output");
  return value;
}

/**
 * @param {PlanBuilder} builder
 * @param {Graph} graph
 * @param {Map<string, Value>} found what has been compiled so far
 * @param {string} name
 * @returns {Value}
 */
function valueOf(builder, graph, found, name) {
  const before = found.get(name);
  if (before) return before;
  const node = graph.nodes.get(name);
  if (node?.op === "Const") {
    const constant = graph.weights.read(name);
    const value = { shape: constant.shape, constant };
    found.set(name, value);
    return value;
  }
  const operation = node && OPERATIONS.get(node.op);
  if (!operation) throw new UnsupportedGraph(`the op ${node?.op ?? name}`);
  const inputs = (node.input ?? []).map((input) => valueOf(builder, graph, found, nodeOf(input)));
  const value = operation(builder, node, inputs);
  found.set(name, value);
  return value;
}
