// ONNX Runtime Web, its build for WASM alone.
import * as ort from "onnxruntime-web/wasm";
import { best, cropper, start, timed, toFloats } from "./bench.js";

start(async () => {
  ort.env.wasm.numThreads = 1;
  // Its loader is compiled into this module; only the binary is fetched.
  ort.env.wasm.wasmPaths = { wasm: new URL("ort-wasm-simd-threaded.wasm", document.baseURI).href };
  const session = await ort.InferenceSession.create(`${PRECISION}.onnx`, { executionProviders: ["wasm"] });
  const [[input], [output]] = [session.inputNames, session.outputNames];
  const crop = cropper(SIDE);
  const floats = new Float32Array(SIDE * SIDE * 3);
  const tensor = new ort.Tensor("float32", floats, [1, SIDE, SIDE, 3]);
  const run = async () => (await session.run({ [input]: tensor }))[output].data;
  return {
    async answer(picture) {
      toFloats(await crop(picture), floats);
      return LABELS[best(await run())];
    },
    infer: () => timed(run),
  };
});
