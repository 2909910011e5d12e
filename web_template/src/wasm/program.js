// A graph, compiled once for one shape of input: from then on a forward pass is a list of calls.
import { Draft } from "./plan_builder.js";
import { NotPlanned } from "./unsupported_graph.js";
import { nodeOf } from "./nodes.js";
import { OPERATIONS } from "./operations.js";

/**
 * @typedef {import("./plan_builder.js").Value} Value
 * @typedef {import("./plan_builder.js").Computed} Computed
 * @typedef {import("./kernels.js").Machine} Machine
 * @typedef {import("./nodes.js").GraphNode} GraphNode
 * @typedef {{ nodes: Map<string, GraphNode>, weights: import("./weights.js").Weights }} Graph
 */

export class Program {
  #machine;
  #input;
  #outputs;
  #steps;

  /**
   * @param {Machine} machine
   * @param {Graph} graph
   * @param {string} from the tensor that is given
   * @param {number[]} shape of it
   * @param {string[]} to the tensors that are wanted
   * @param {boolean} bytes whether the input comes as uint8
   * @throws {NotPlanned} where the graph needs more than a straight line of known steps
   */
  constructor(machine, graph, from, shape, to, bytes = false) {
    const draft = new Draft();
    const given = bytes ? draft.value([Math.ceil(shape.reduce((a, b) => a * b) / 4)]) : draft.value(shape);
    const first = bytes ? widened(draft, given, shape) : given;
    /** @type {Map<string, Value>} */
    const found = new Map([[nodeOf(from), first]]);
    const outputs = to.map((tensor) => computed(draft, graph, found, nodeOf(tensor)));
    outputs.forEach((output) => draft.keep(output));
    this.#machine = machine;
    this.#steps = draft.finish(machine);
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
 * @param {Draft} draft
 * @param {Computed} given
 * @param {number[]} shape
 */
function widened(draft, given, shape) {
  const out = draft.value(shape);
  draft.step([given], ({ kernels }) => () => {
    kernels.widen(given.buffer.address, out.buffer.address, out.buffer.floats);
  });
  return out;
}

/**
 * @param {Draft} draft
 * @param {Graph} graph
 * @param {Map<string, Value>} found
 * @param {string} name
 * @returns {Computed}
 */
function computed(draft, graph, found, name) {
  const value = valueOf(draft, graph, found, name);
  if (!("buffer" in value)) throw new NotPlanned("a constant output");
  return value;
}

/**
 * @param {Draft} draft
 * @param {Graph} graph
 * @param {Map<string, Value>} found what has been compiled so far
 * @param {string} name
 * @returns {Value}
 */
function valueOf(draft, graph, found, name) {
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
  if (!operation) throw new NotPlanned(`the op ${node?.op ?? name}`);
  const inputs = (node.input ?? []).map((input) => valueOf(draft, graph, found, nodeOf(input)));
  const value = operation(draft, node, inputs);
  found.set(name, value);
  return value;
}
