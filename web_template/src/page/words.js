// Every sentence that the page says from JavaScript, in its own language: they lie as JSON in index.html.
import { byId } from "./elements.js";
import { count, integer } from "./format.js";

/**
 * @typedef {typeof import("../../words/en.json")} Catalogue all catalogues have the shape of the English one
 * @typedef {{ title: string, text: string, action?: string }} Message
 * @typedef {{ other: string } & Partial<Record<Intl.LDMLPluralRule, string>>} Forms one for each number that a language inflects for
 */

/** @type {Pick<Catalogue, "page" | "teach"> & { lead: Pick<Catalogue["markup"], "tellsTwo" | "tellsApart" | "tellsApartMore" | "listSeparator"> }} */
const catalogue = JSON.parse(byId("words", HTMLScriptElement).text);

export const { page: words, teach: teachWords, lead: leadWords } = catalogue;

const isRightToLeft = document.documentElement.dir === "rtl";
const rightToLeftLetter = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/**
 * @param {string} sentence
 * @param {Record<string, string | number>} values by the names that stand in braces
 */
export const fill = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (_, name) => isolated(String(values[name])));

/**
 * What is not sure enough to say: where less than half speaks for it, it is not even probable.
 * @param {{ label: string, probability: number }} best
 */
export const sayUnsure = ({ label, probability }) =>
  fill(probability < 0.5 ? words.perhaps : words.probably, { label });

/**
 * @param {Forms} forms
 * @param {number} n chooses the form, and fills {n}
 * @param {Record<string, string | number>} [values]
 */
export const fillCount = (forms, n, values) => fill(forms[count(n)] ?? forms.other, { n: integer(n), ...values });

/**
 * A name in letters that run the other way must not turn the sentence around it: it is isolated (UAX #9, 2.4).
 * @param {string} value
 */
const isolated = (value) => (isRightToLeft !== rightToLeftLetter.test(value) ? `\u2068${value}\u2069` : value);

/**
 * @param {unknown} error
 * @returns {Message}
 */
export function sayFailure(error) {
  const { code = "model", file } = /** @type {{ code?: string, file?: string }} */ (error);
  const found =
    choose(words.failures, code === "unreachable" && !navigator.onLine ? "offline" : code) ?? words.failures.model;
  return { ...found, text: fill(found.text, { ...FLOOR, file: file || words.aFile }) };
}

/** Within another sentence. @param {unknown} error @returns {string} in the page's language, where it has words for it */
export function sayReason(error) {
  if (isOurs(error)) return sayFailure(error).text;
  return error instanceof Error ? error.message : String(error);
}

/** Whether it is a PagesightError: a code that is a number is a DOMException's. @param {unknown} error */
const isOurs = (error) => typeof (/** @type {{ code?: unknown }} */ (error).code) === "string";

/**
 * @param {string} name of the file, '' where it has none
 * @returns {Message}
 */
export const sayNotAPicture = (name) => ({
  ...words.noPicture,
  text: fill(words.noPicture.text, { name: name ? fill(words.quoted, { name }) : words.it }),
});

/**
 * @param {unknown} error from getUserMedia, or our own
 * @returns {Message}
 */
export function sayCamera(error) {
  // What was done with its picture failed, and not the camera.
  if (isOurs(error)) return sayFailure(error);
  const { name = "" } = /** @type {{ name?: string }} */ (error);
  if (name === "NotAllowedError" && isKeptFromCamera()) return words.camera.InFrame;
  return choose(words.camera, name === "AbortError" ? "NotReadableError" : name) ?? words.camera.other;
}

/**
 * @param {Record<string, Message>} messages
 * @param {string} name
 * @returns {Message | undefined}
 */
const choose = (messages, name) => messages[name];

/** Whether this page lies in another one that may not pass the camera on: only Chromium tells. */
function isKeptFromCamera() {
  /** @type {{ allowsFeature: (name: string) => boolean } | undefined} */
  const policy = /** @type {any} */ (document).featurePolicy;
  return self !== top && policy !== undefined && !policy.allowsFeature("camera");
}
