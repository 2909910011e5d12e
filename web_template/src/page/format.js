// Numbers as people read them, in the page's language.

const language = document.documentElement.lang || "en";
const whole = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
const plain = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
const count = new Intl.NumberFormat(language);

/** @param {number} share 0..1; never rounds up to a certainty that is not there */
export const percent = (share) => whole.format(share > 0.99 && share < 1 ? 0.99 : share);

/** @param {number} share 0..1 */
export const exactPercent = (share) => fine.format(share);

/** @param {number} n */
export const integer = (n) => count.format(n);

/** @param {number} ms */
export const milliseconds = (ms) => `${ms < 10 ? plain.format(ms) : count.format(Math.round(ms))} ms`;

/** @param {number} bytes */
export function kilobytes(bytes) {
  return bytes < 1e6 ? `${count.format(Math.round(bytes / 1e3))} KB` : `${plain.format(bytes / 1e6)} MB`;
}
