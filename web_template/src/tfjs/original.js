// A page of stock TF.js, whole and as it is published: runs a TF.js model made elsewhere, to compare a converted page with it.
import "@tensorflow/tfjs-backend-cpu";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { loadGraphModel } from "@tensorflow/tfjs-converter";
import { cast, env, setBackend, tensor, version_core } from "@tensorflow/tfjs-core";
import { loadLayersModel } from "@tensorflow/tfjs-layers";

/** @typedef {{ answer: string | null, inputs: string, shape: number[], batch: number }} Task */

/**
 * Answers all pictures on one backend.
 * @param {string} backend
 * @param {Task} task `answer` is the tensor of a graph model that answers, null for a layers model; `inputs` is the address of
 *   float32 numbers of `shape`, pictures first
 * @returns {Promise<number[][]>} a row of scores for each picture
 */
async function answersOf(backend, { answer, inputs, shape, batch }) {
  if (!(await setBackend(backend))) throw new Error(`the backend ${backend} does not start`);
  const numbers = new Float32Array(await (await fetch(inputs)).arrayBuffer());
  const ask = answer === null ? await layersModel() : await graphModel(answer);
  const [count, ...one] = shape;
  const each = one.reduce((product, side) => product * side, 1);
  const rows = [];
  for (let start = 0; start < count; start += batch) {
    const many = Math.min(batch, count - start);
    const pictures = tensor(numbers.subarray(start * each, (start + many) * each), [many, ...one], "float32");
    const scores = await ask(pictures);
    const flat = await scores.data();
    for (let i = 0; i < many; i++)
      rows.push(Array.from(flat.subarray((i * flat.length) / many, ((i + 1) * flat.length) / many)));
    pictures.dispose();
    scores.dispose();
  }
  return rows;
}

/** @returns {Promise<(pictures: import("@tensorflow/tfjs-core").Tensor) => Promise<import("@tensorflow/tfjs-core").Tensor>>} */
async function layersModel() {
  const model = await loadLayersModel("model/model.json");
  return async (pictures) => /** @type {import("@tensorflow/tfjs-core").Tensor} */ (model.predict(pictures));
}

/**
 * @param {string} answer
 * @returns {Promise<(pictures: import("@tensorflow/tfjs-core").Tensor) => Promise<import("@tensorflow/tfjs-core").Tensor>>}
 */
async function graphModel(answer) {
  const model = await loadGraphModel("model/model.json");
  const whole = model.inputs[0].dtype === "int32";
  return async (pictures) => {
    const given = whole ? cast(pictures, "int32") : pictures;
    const scores = await model.executeAsync({ [model.inputs[0].name]: given }, answer);
    if (whole) given.dispose();
    return /** @type {import("@tensorflow/tfjs-core").Tensor} */ (scores);
  };
}

/**
 * @param {Task} task
 * @returns {Promise<{ version: string, backend: string, rows: number[][] }>} from WebAssembly, or from plain JavaScript where
 *   WebAssembly lacks an operation
 */
async function answers(task) {
  env().set("WASM_HAS_MULTITHREAD_SUPPORT", false); // that binary does not lie beside this page
  setWasmPaths(new URL("./", document.baseURI).href);
  try {
    return { version: version_core, backend: "wasm", rows: await answersOf("wasm", task) };
  } catch (failure) {
    if (!/not registered for/.test(String(failure))) throw failure;
    return { version: version_core, backend: "cpu", rows: await answersOf("cpu", task) };
  }
}

Object.assign(globalThis, { original: { answers } });
