/** Something in a graph that only TF.js' own executor runs. */
export class UnsupportedGraph extends Error {}

/**
 * @param {unknown} condition
 * @param {string} what that is not planned for where the condition fails
 * @returns {asserts condition}
 */
export function require(condition, what) {
  if (!condition) throw new UnsupportedGraph(what);
}
