// Numbers as people read them, in the page's language.

/** BCP 47. */
export const language = document.documentElement.lang || "en";
const whole = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
const number = new Intl.NumberFormat(language);
const plurals = new Intl.PluralRules(language);

/** @param {"kilobyte" | "megabyte" | "millisecond" | "second"} unit @param {number} digits after the point, at most */
const measure = (unit, digits) =>
  new Intl.NumberFormat(language, { style: "unit", unit, maximumFractionDigits: digits });
const kilo = measure("kilobyte", 0);
const mega = measure("megabyte", 1);
const [short, long] = [measure("millisecond", 1), measure("millisecond", 0)];
const second = new Intl.NumberFormat(language, { style: "unit", unit: "second", maximumSignificantDigits: 2 });

/** @param {number} share 0..1; never rounds up to a certainty that is not there */
export const percent = (share) => whole.format(share > 0.99 && share < 1 ? 0.99 : share);

/** @param {number} share 0..1 */
export const exactPercent = (share) => fine.format(share);

/** @param {number} n */
export const integer = (n) => number.format(n);

/** Which form a number takes. @param {number} n */
export const count = (n) => plurals.select(n);

/** @param {number} ms */
export const milliseconds = (ms) => (ms < 10 ? short : long).format(ms);

/** @param {number} ms */
export const seconds = (ms) => second.format(ms / 1000);

/** @param {number} bytes */
export const kilobytes = (bytes) => (bytes < 1e6 ? kilo.format(bytes / 1e3) : mega.format(bytes / 1e6));
