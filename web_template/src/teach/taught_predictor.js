// Answers with a taught head, in the place of the bundle's own classes.
import { pool } from "../worker/features.js";
import { places, probabilities, thresholdOf } from "./head.js";

/**
 * @param {import("./head.js").Head} head
 * @param {import("../api/pagesight.js").Classifier} classifier
 * @returns {import("../page/predictor.js").Predictor}
 */
export function taughtPredictor(head, classifier) {
  const { outputs } = classifier.contract;
  return {
    labels: head.labels,
    threshold: thresholdOf(head),
    async answer(source, heat) {
      if (!heat || !outputs.features) {
        const { vector, milliseconds } = await classifier.extractFeatures(source);
        return { probabilities: probabilities(head, vector), milliseconds };
      }
      const { features, milliseconds } = await classifier.predict(source);
      if (!features) throw new Error("this model gives no feature map");
      const found = probabilities(head, pool(features));
      const map = places(head, features, found.indexOf(Math.max(...found)));
      const [, height, width] = features.shape;
      return { probabilities: found, milliseconds, heat: { map, width, height } };
    },
  };
}
