// Reads a graph model with the stock TF.js packages and answers once inside and once outside tf.tidy.
// node stock_graph_model.mjs NODE_MODULES/@tensorflow MODEL_FOLDER SQUARE.bin SIDE
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [packages, folder, square, side] = process.argv.slice(2);
const require = createRequire(join(packages, "any.js"));
const tf = require("@tensorflow/tfjs-core");
const { loadGraphModel } = require("@tensorflow/tfjs-converter");
require("@tensorflow/tfjs-backend-cpu");

const { weightsManifest, ...rest } = JSON.parse(readFileSync(join(folder, "model.json"), "utf8"));
const shards = weightsManifest.flatMap(({ paths }) => paths.map((path) => readFileSync(join(folder, path))));
const weightData = Uint8Array.from(Buffer.concat(shards)).buffer;
const weightSpecs = weightsManifest.flatMap(({ weights }) => weights);

await tf.setBackend("cpu");
const model = await loadGraphModel({ load: async () => ({ ...rest, weightSpecs, weightData }) });
const pixels = Float32Array.from(new Float32Array(Uint8Array.from(readFileSync(square)).buffer));
const image = () => tf.tensor(pixels, [1, +side, +side, 3]);

let probabilities;
const tensorsAfterEachCall = [];
for (let call = 0; call < 3; call++) {
  probabilities = tf.tidy(() => Array.from(model.execute(image(), "probabilities").dataSync()));
  tensorsAfterEachCall.push(tf.memory().numTensors);
}
const input = image();
tf.dispose(model.predict(input));
input.dispose();
tensorsAfterEachCall.push(tf.memory().numTensors);
const inputs = model.inputs.length;
model.dispose();
console.log(JSON.stringify({ probabilities, inputs, tensorsAfterEachCall, tensorsAfterDispose: tf.memory().numTensors }));
