// Who answers a picture: the bundle's own model, or what was taught in its place.

/**
 * @typedef {{ map: Float32Array, width: number, height: number }} Heat [height × width], 0..1
 *
 * @typedef {object} Predictor
 * @property {string[]} labels
 * @property {number} threshold below it the page says that it is not sure
 * @property {boolean} [multilabel] a picture may have several labels: all those above the threshold
 * @property {(source: import("../api/pagesight.js").Source, heat: boolean) => Promise<{ probabilities: Float32Array, milliseconds: number, heat?: Heat }>} answer
 */

/**
 * @param {import("../api/pagesight.js").Classifier} classifier
 * @returns {Predictor}
 */
export const ownAnswerer = (classifier) => ({
  labels: classifier.contract.labels,
  threshold: classifier.contract.decision.threshold,
  multilabel: classifier.contract.decision.kind === "multilabel",
  async answer(source, heat) {
    if (!heat) return classifier.predictProbabilities(source);
    const { probabilities, milliseconds, ...found } = await classifier.explain(source);
    return { probabilities, milliseconds, heat: found };
  },
});
