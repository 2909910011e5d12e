// Answers in the order in which people read them.

/**
 * @param {readonly string[]} labels
 * @param {Float32Array} probabilities column i is labels[i]
 * @returns {{ label: string, probability: number }[]} the most probable first
 */
export const rank = (labels, probabilities) =>
  labels.map((label, i) => ({ label, probability: probabilities[i] })).sort((a, b) => b.probability - a.probability);
