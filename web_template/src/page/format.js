// Numbers as people read them, in the page's language.

/** BCP 47. */
export const language = document.documentElement.lang || "en";
/**
 * A formatter is dear to make: each is made when it is asked for first, and most not before the first answer.
 * @template T
 * @param {() => T} make
 * @returns {() => T}
 */
function once(make) {
  /** @type {T | undefined} */
  let made;
  return () => (made ??= make());
}

/** @param {Intl.NumberFormatOptions} [options] */
const number = (options) => once(() => new Intl.NumberFormat(language, options));
/** @param {"kilobyte" | "megabyte" | "millisecond"} unit @param {number} digits after the point, at most */
const measure = (unit, digits) => number({ style: "unit", unit, maximumFractionDigits: digits });

const plurals = once(() => new Intl.PluralRules(language));
const plain = number();
const whole = number({ style: "percent", maximumFractionDigits: 0 });
const fine = number({ style: "percent", maximumFractionDigits: 1 });
const [kilo, mega] = [measure("kilobyte", 0), measure("megabyte", 1)];
const [short, long] = [measure("millisecond", 1), measure("millisecond", 0)];
const second = number({ style: "unit", unit: "second", maximumSignificantDigits: 2 });

/** @param {number} share 0..1; never rounds up to a certainty that is not there */
export const percent = (share) => whole().format(share > 0.99 && share < 1 ? 0.99 : share);

/** @param {number} share 0..1; never rounds up to a certainty that is not there, either */
export const exactPercent = (share) => fine().format(share > 0.999 && share < 1 ? 0.999 : share);

/** @param {number} n */
export const integer = (n) => plain().format(n);

/** Which form a number takes. @param {number} n */
export const count = (n) => plurals().select(n);

/** @param {number} ms */
export const milliseconds = (ms) => (ms < 10 ? short : long)().format(ms);

/** @param {number} ms */
export const seconds = (ms) => second().format(ms / 1000);

/** @param {number} bytes */
export const kilobytes = (bytes) => (bytes < 1e6 ? kilo().format(bytes / 1e3) : mega().format(bytes / 1e6));
