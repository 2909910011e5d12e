// What is said of the pictures before training: too few, uneven, or all alike.
import { integer } from "../page/format.js";
import { fill, fillCount, teachWords as words } from "../page/words.js";

/** @typedef {import("./store.js").Example} Example */

export const FEW = 5;
const UNEVEN = 5;
/** Pictures of one class differ less than this share of what they have in common: one burst of a hand that keeps still. */
const ALIKE = 0.02;

/**
 * @param {{ name: string, examples: Example[] }[]} classes those that have pictures
 * @returns {string[]} sentences, the weightiest first
 */
export function advice(classes) {
  const counts = classes.map(({ examples }) => examples.length);
  const [most, least] = [Math.max(...counts), Math.min(...counts)];
  const [large, small] = [classes[counts.indexOf(most)], classes[counts.indexOf(least)]];
  const few = classes.filter(({ examples }) => examples.length < FEW);
  const alike = classes.filter(({ examples }) => examples.length >= FEW && spread(examples) < ALIKE);
  return [
    ...few.map(({ name, examples }) => fillCount(words.adviceFew, examples.length, { name, few: integer(FEW) })),
    ...(classes.length > 1 && most >= UNEVEN * least
      ? [
          fill(words.adviceUneven, {
            large: large.name,
            small: small.name,
            most: integer(most),
            least: integer(least),
          }),
        ]
      : []),
    ...alike.map(({ name }) => fill(words.adviceAlike, { name })),
  ];
}

/** How far the pictures lie from their mean, as a share of its length. @param {Example[]} examples */
function spread(examples) {
  const width = examples[0].vector.length;
  const mean = new Float64Array(width);
  for (const { vector } of examples) vector.forEach((value, j) => (mean[j] += value / examples.length));
  let squares = 0;
  for (const { vector } of examples) vector.forEach((value, j) => (squares += (value - mean[j]) ** 2));
  const length = mean.reduce((sum, value) => sum + value ** 2, 0);
  return Math.sqrt(squares / examples.length / (length || 1));
}
