// ml5 with a Teachable Machine export, on the backend that it takes by itself.
import { start, timed } from "./bench.js";

start(async () => {
  const address = new URL("layers/model.json", document.baseURI).href;
  const classifier = ml5.imageClassifier(address);
  await classifier.ready;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  return {
    async answer(picture) {
      const image = new Image();
      image.src = URL.createObjectURL(picture);
      await image.decode();
      const [first] = await classifier.classify(image, 1);
      URL.revokeObjectURL(image.src);
      return first.label;
    },
    infer: () => timed(() => classifier.classify(canvas, 1)),
  };
});
