// What <pagesight-classifier> says, in every language that ships.

/**
 * @typedef {object} ElementWords
 * @property {string} language its BCP 47 tag
 * @property {string} direction ltr or rtl
 * @property {string} choose
 * @property {string} camera
 * @property {string} probably with {label}
 * @property {string} perhaps with {label}, where less than half speaks for it
 * @property {string} notSureEnough
 * @property {Record<string, string>} failures titles by a PagesightError's code, or the name of the camera's error
 */

/**
 * @param {string} language a BCP 47 tag
 * @returns {ElementWords | undefined} none in a language that does not ship
 */
export const elementWords = (language) =>
  ELEMENT_WORDS[language] ?? ELEMENT_WORDS[language.toLowerCase().replace(/-.*/, "")];

/**
 * @param {ElementWords} words
 * @param {unknown} error
 * @returns {string} for visitors where there are words for it, else for developers
 */
export function sayError({ failures }, error) {
  const { code, name, message } = /** @type {{ code?: string | number, name?: string, message?: string }} */ (error);
  return failures[typeof code === "string" ? code : (name ?? "")] ?? message ?? String(error);
}

/**
 * @param {ElementWords} words
 * @param {number} share 0..1
 * @returns {string} never rounded up to a certainty that is not there
 */
export const sayShare = ({ language }, share) =>
  new Intl.NumberFormat(language, { style: "percent" }).format(share > 0.99 && share < 1 ? 0.99 : share);
