// Logits to probabilities.

/**
 * In place.
 * @template {Float32Array | Float64Array} T
 * @param {T} logits
 * @returns {T}
 */
export function softmax(logits) {
  let most = -Infinity;
  for (let c = 0; c < logits.length; c++) most = Math.max(most, logits[c]);
  let sum = 0;
  for (let c = 0; c < logits.length; c++) sum += logits[c] = Math.exp(logits[c] - most);
  for (let c = 0; c < logits.length; c++) logits[c] /= sum;
  return logits;
}
