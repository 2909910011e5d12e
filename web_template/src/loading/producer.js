// Names of tensors in a graph model.

/** @typedef {{ name: string, op: string, input?: string[] }} NamedNode */

/** @param {string} tensor */
const withoutOutput = (tensor) => tensor.replace(/:\d+$/, "");

/**
 * The node that computes a tensor: an output may be a mere name (Identity) for what the rest of the graph reads.
 * @param {ReadonlyMap<string, NamedNode>} nodes by their names
 * @param {string} tensor
 * @returns {string} the node's name
 */
export function producerOf(nodes, tensor) {
  let name = withoutOutput(tensor);
  for (let node = nodes.get(name); node?.op === "Identity" && node.input; node = nodes.get(name)) {
    name = withoutOutput(node.input[0]);
  }
  return name;
}
