// Names of tensors in a graph model, and the nodes that they mean.

/**
 * The tensor's node: "name:0" is the first output of "name", which most nodes have alone.
 * @param {string} tensor
 */
export const nodeOf = (tensor) => tensor.replace(/:0$/, "");

/**
 * The node that computes a tensor: an output may be a mere name (Identity) for what the rest of the graph reads.
 * @param {ReadonlyMap<string, { op: string, input?: string[] }>} nodes by their names
 * @param {string} tensor
 * @returns {string} the node's name
 */
export function producerOf(nodes, tensor) {
  const name = nodeOf(tensor);
  const node = nodes.get(name);
  return node?.op === "Identity" && node.input ? producerOf(nodes, node.input[0]) : name;
}
