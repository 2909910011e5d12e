// A new head on a stock TF.js graph: the same weights, one more shard, and 'probabilities' led to the new nodes.

/**
 * @typedef {import("./head.js").Head} Head
 * @typedef {{ name: string, op: string, input?: string[], attr?: object }} Node
 * @typedef {{ name: string, shape: number[], dtype: string }} WeightSpec
 * @typedef {object} ModelJson
 * @property {{ node: Node[] }} modelTopology
 * @property {{ outputs: Record<string, { name: string, dtype: string, tensorShape?: object }> }} signature
 * @property {{ paths: string[], weights: WeightSpec[] }[]} weightsManifest
 */

export const HEAD_FILE = "taught-head.bin";
const OUTPUT = "taught_probabilities";
const FLOAT = { type: "DT_FLOAT" };
const INT = { type: "DT_INT32" };

/**
 * The old head stays in the graph, where nothing asks for it.
 * @param {ModelJson} model
 * @param {{ features?: string | null, embedding?: string | null }} outputs names in the graph
 * @param {Head} head
 * @returns {{ model: ModelJson, bytes: Uint8Array<ArrayBuffer>, probabilities: string }}
 */
export function attachHead(model, outputs, head) {
  const classes = head.labels.length;
  const depth = head.kernel.length / classes;
  const before = withoutTaught(model);
  const weights = [
    spec("taught_kernel", [depth, classes], "float32"),
    spec("taught_bias", [classes], "float32"),
    spec("taught_places", [2], "int32"),
    spec("taught_channels", [], "int32"),
  ];
  const nodes = [
    ...weights.map(({ name, dtype }) => node(name, "Const", [], { dtype: dtype === "int32" ? INT : FLOAT })),
    ...(outputs.features ? pooling(outputs.features) : [node("taught_vector", "Identity", [outputs.embedding ?? ""])]),
    node("taught_logits", "_FusedMatMul", ["taught_vector", "taught_kernel", "taught_bias"], {
      T: FLOAT,
      transpose_a: { b: false },
      transpose_b: { b: false },
      num_args: { i: "1" },
      epsilon: { f: 0 },
      fused_ops: { list: { s: [btoa("BiasAdd")] } },
    }),
    node(OUTPUT, "Softmax", ["taught_logits"], { T: FLOAT }),
  ];
  const tensorShape = { dim: [{ size: "-1" }, { size: String(classes) }] };
  const grafted = {
    ...before,
    modelTopology: { ...before.modelTopology, node: [...before.modelTopology.node, ...nodes] },
    signature: {
      ...before.signature,
      outputs: {
        ...before.signature.outputs,
        probabilities: { name: `${OUTPUT}:0`, dtype: "DT_FLOAT", tensorShape },
      },
    },
    weightsManifest: [...before.weightsManifest, { paths: [HEAD_FILE], weights }],
  };
  return { model: grafted, bytes: pack(head), probabilities: OUTPUT };
}

/**
 * Takes a head back out of a model that attachHead() made.
 * @param {ModelJson} model
 * @param {Uint8Array<ArrayBuffer>} bytes of HEAD_FILE
 * @returns {Pick<Head, "kernel" | "bias"> | undefined} undefined where there is none
 */
export function readHead(model, bytes) {
  const group = model.weightsManifest.find(({ paths }) => paths.includes(HEAD_FILE));
  const kernel = group?.weights.find(({ name }) => name === "taught_kernel");
  if (!kernel) return undefined;
  const [depth, classes] = kernel.shape;
  const values = new Float32Array(bytes.slice(0, (depth + 1) * classes * 4).buffer);
  return { kernel: values.slice(0, depth * classes), bias: values.slice(depth * classes) };
}

/** @param {ModelJson} model taught before, perhaps */
function withoutTaught(model) {
  return {
    ...model,
    modelTopology: {
      ...model.modelTopology,
      node: model.modelTopology.node.filter(({ name }) => !name.startsWith("taught_")),
    },
    weightsManifest: model.weightsManifest.filter(({ paths }) => !paths.includes(HEAD_FILE)),
  };
}

/** Mean and maximum of each channel, as features.js pools them. @param {string} features */
const pooling = (features) => [
  node("taught_mean", "Mean", [features, "taught_places"], { T: FLOAT, Tidx: INT, keep_dims: { b: false } }),
  node("taught_most", "Max", [features, "taught_places"], { T: FLOAT, Tidx: INT, keep_dims: { b: false } }),
  node("taught_vector", "ConcatV2", ["taught_mean", "taught_most", "taught_channels"], {
    T: FLOAT,
    Tidx: INT,
    N: { i: "2" },
  }),
];

/** In the order of the weights: kernel, bias, the axes [1, 2], the axis 1. @param {Head} head */
function pack({ kernel, bias }) {
  const bytes = new Uint8Array((kernel.length + bias.length + 3) * 4);
  new Float32Array(bytes.buffer, 0, kernel.length).set(kernel);
  new Float32Array(bytes.buffer, kernel.length * 4, bias.length).set(bias);
  new Int32Array(bytes.buffer, (kernel.length + bias.length) * 4).set([1, 2, 1]);
  return bytes;
}

/** @param {string} name @param {number[]} shape @param {string} dtype */
const spec = (name, shape, dtype) => ({ name, shape, dtype });

/**
 * @param {string} name
 * @param {string} op
 * @param {string[]} input
 * @param {object} [attr]
 * @returns {Node}
 */
const node = (name, op, input, attr = { T: FLOAT }) => ({ name, op, ...(input.length ? { input } : {}), attr });
