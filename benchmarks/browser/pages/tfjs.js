// The page people write today: tf.min.js, the WASM backend from disk, and the stock converter's graph model.
import { best, cropper, start, timed } from "./bench.js";

start(async () => {
  tf.wasm.setWasmPaths(new URL("./", document.baseURI).href);
  await tf.setBackend("wasm");
  if (tf.getBackend() !== "wasm") throw new Error(`TF.js runs on ${tf.getBackend()}`);
  const model = await tf.loadGraphModel("graph/model.json");
  const crop = cropper(SIDE);
  const blank = tf.zeros([1, SIDE, SIDE, 3]);
  const read = async (output) => {
    const values = await output.data();
    output.dispose();
    return values;
  };
  return {
    async answer(picture) {
      const { canvas } = await crop(picture);
      const output = tf.tidy(() => model.predict(tf.browser.fromPixels(canvas).toFloat().expandDims()));
      return LABELS[best(await read(output))];
    },
    infer: () => timed(() => read(model.predict(blank))),
  };
});
