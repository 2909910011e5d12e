// Pagesight's public module in a page of one's own.
import { start } from "./bench.js";

start(async () => {
  const { load } = await import(/* the bundle's own file */ new URL("pagesight.js", document.baseURI).href);
  const classifier = await load(document.baseURI);
  const square = new ImageData(SIDE, SIDE);
  return {
    answer: async (picture) => (await classifier.classify(picture, { topK: 1 }))[0].label,
    infer: async () => (await classifier.predictProbabilities(square)).milliseconds,
  };
});
