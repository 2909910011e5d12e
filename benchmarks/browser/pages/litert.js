// LiteRT.js: TensorFlow Lite's kernels (XNNPACK) in WASM.
import { Tensor, loadAndCompile, loadLiteRt } from "@litertjs/core";
import { best, cropper, start, timed, toFloats } from "./bench.js";

start(async () => {
  await loadLiteRt(new URL("./", document.baseURI).href);
  const model = await loadAndCompile(`${PRECISION}.tflite`, { accelerator: "wasm" });
  const crop = cropper(SIDE);
  const floats = new Float32Array(SIDE * SIDE * 3);
  const run = async () => {
    const input = new Tensor(floats, [1, SIDE, SIDE, 3]);
    const [output] = await model.run(input);
    const values = await output.data();
    input.delete();
    output.delete();
    return values;
  };
  return {
    async answer(picture) {
      toFloats(await crop(picture), floats);
      return LABELS[best(await run())];
    },
    infer: () => timed(run),
  };
});
