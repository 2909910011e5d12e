// index.html of a taught model: the page's own markup with new words in it; all of them as text, never as markup.

import { integer } from "../page/format.js";
import { leadWords } from "../page/words.js";

/** As in every page: a list is given whole where it is short, else its first labels. */
const SHORT = 40;
const FEW = 6;

/**
 * @typedef {object} NewPage
 * @property {string} title
 * @property {string[]} labels
 * @property {{ path: string, label: string, sha256: string }[]} samples
 * @property {string} contractSha256
 * @property {string} moduleSha256
 * @property {string[]} ahead what the first answer waits for, besides the contract
 */

/**
 * @param {string} html
 * @param {NewPage} page
 * @returns {string}
 */
export function fillPage(html, { title, labels, samples, contractSha256, moduleSha256, ahead }) {
  const copy = new DOMParser().parseFromString(html, "text/html");
  Object.assign(copy.documentElement.dataset, { contractSha256, moduleSha256 });
  copy.title = title;
  for (const old of copy.querySelectorAll('link[rel="preload"][as="fetch"]:not([href="contract.json"])')) old.remove();
  const first = copy.querySelector('link[rel="preload"][as="fetch"]');
  for (const path of first ? ahead : []) {
    const hint = /** @type {Element} */ (first?.cloneNode());
    hint.setAttribute("href", path);
    first?.after(hint);
  }
  say(copy, "h1 bdi", title);
  say(copy, ".lead bdi", describe(labels));
  copy.querySelector('meta[name="description"]')?.setAttribute("content", describe(labels));
  const chips = copy.querySelector(".chips");
  chips?.replaceChildren(...repeat(chips.querySelector(".chip"), labels, (chip, label) => (chip.textContent = label)));
  say(copy, ".classes-count", String(labels.length));
  // The report tells of the old model.
  copy.querySelector(".card-more")?.remove();
  const list = copy.querySelector(".sample-list");
  const rows = repeat(list?.querySelector("li"), samples, (row, { path, label, sha256 }) => {
    row.querySelector("button")?.setAttribute("data-path", path);
    row.querySelector("button")?.setAttribute("data-sha256", sha256);
    row.querySelector("img")?.setAttribute("src", path);
    const name = row.querySelector(".sample-label");
    if (name) name.textContent = label;
  });
  list?.replaceChildren(...rows);
  return `<!doctype html>\n${copy.documentElement.outerHTML}\n`;
}

/** @param {string[]} labels @returns {string} the sentence under the heading */
export function describe(labels) {
  const { tellsTwo, tellsApart, tellsApartMore, listSeparator } = leadWords;
  const whole = labels.join(listSeparator);
  const isShort = labels.length <= FEW || whole.length <= SHORT;
  const shown = isShort ? whole : labels.slice(0, FEW).join(listSeparator);
  const values = { labels: shown, n: integer(labels.length - FEW), first: labels[0], second: labels[1] };
  const sentence = labels.length === 2 ? tellsTwo : isShort ? tellsApart : tellsApartMore;
  // Labels are anyone's: braces in them are no places to fill.
  return sentence.replace(/\{(\w+)\}/g, (_, name) => values[/** @type {keyof typeof values} */ (name)]);
}

/**
 * @param {Document} page
 * @param {string} selector
 * @param {string} text
 */
function say(page, selector, text) {
  const element = page.querySelector(selector);
  if (element) element.textContent = text;
}

/**
 * @template T
 * @param {Element | null | undefined} pattern
 * @param {T[]} items
 * @param {(copy: Element, item: T) => void} fill
 * @returns {Element[]}
 */
function repeat(pattern, items, fill) {
  if (!pattern) return [];
  return items.map((item) => {
    const copy = /** @type {Element} */ (pattern.cloneNode(true));
    fill(copy, item);
    return copy;
  });
}
