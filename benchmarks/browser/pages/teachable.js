// The page that Teachable Machine shows with its export: tf.min.js and @teachablemachine/image.
import { best, start, timed } from "./bench.js";

start(async () => {
  if (BACKEND === "wasm") {
    tf.wasm.setWasmPaths(new URL("./", document.baseURI).href);
    await tf.setBackend("wasm");
    if (tf.getBackend() !== "wasm") throw new Error(`TF.js runs on ${tf.getBackend()}`);
  }
  const model = await tmImage.load("layers/model.json", "layers/metadata.json");
  const blank = tf.zeros([1, SIDE, SIDE, 3]);
  return {
    async answer(picture) {
      const image = new Image();
      image.src = URL.createObjectURL(picture);
      await image.decode();
      const predictions = await model.predict(image);
      URL.revokeObjectURL(image.src);
      return predictions[best(predictions.map(({ probability }) => probability))].className;
    },
    infer: () =>
      timed(async () => {
        const output = model.model.predict(blank);
        await output.data();
        output.dispose();
      }),
  };
});
