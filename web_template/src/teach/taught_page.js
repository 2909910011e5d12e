// The page of what was taught: its heading, samples and card speak of the new classes, until someone switches back.
import { byId, button, make } from "../page/elements.js";
import { exactPercent, integer, language } from "../page/format.js";
import { fill, fillCount, words as pageWords, teachWords as words } from "../page/words.js";
import { describe } from "./page_copy.js";

/**
 * @typedef {import("./teaching_session.js").TeachingSession} TeachingSession
 * @typedef {import("./head.js").Head} Head
 */

/** Names of more classes make no heading. */
const MOST_NAMED = 4;

/** @param {string[]} labels @param {string} otherwise @returns {string} what the page is called until someone names it */
export function titleOf(labels, otherwise) {
  if (labels.length > MOST_NAMED) return words.defaultTitle.replace("{title}", () => otherwise);
  const names = new Intl.ListFormat(language, { type: "conjunction" }).format(labels);
  return names.charAt(0).toLocaleUpperCase(language) + names.slice(1);
}

export class TaughtPage {
  #session;
  #showPicture;
  #bar = byId("taught", HTMLElement);
  #text = make("span", "");
  #switch = button("link-button", "");
  /** What stood there before, by the element it stood in. @type {Map<Element, Node[]>} */
  #before = new Map();
  #title = document.title;
  #isOn = false;
  /** @type {string[]} */
  #addresses = [];

  /**
   * @param {TeachingSession} session
   * @param {string} name of the bundle's own model
   * @param {{ use: (own: boolean) => void, showPicture: (picture: Blob) => void }} actions
   */
  constructor(session, name, { use, showPicture }) {
    this.#session = session;
    this.#showPicture = showPicture;
    this.name = name;
    this.#bar.replaceChildren(this.#text, " ", this.#switch);
    this.#switch.addEventListener("click", () => use(!this.#isOn));
  }

  /** @param {Head | undefined} head @param {boolean} own whether it answers */
  show(head, own) {
    this.#restore();
    this.#isOn = own;
    this.#bar.hidden = !head;
    this.#text.textContent = own ? words.answersOwn : words.answersOther;
    this.#switch.textContent = own ? fill(words.switchBack, { name: this.name }) : words.useOwn;
    document.documentElement.classList.toggle("taught", Boolean(head && own));
    if (head && own) this.#fill(head);
  }

  /** @param {Head} head */
  #fill(head) {
    const { labels } = head;
    const title = head.title || titleOf(labels, this.name);
    document.title = title;
    this.#put("h1 bdi", title);
    this.#put(".brand .lead bdi", describe(labels));
    this.#put("#samples-heading", words.yourPictures);
    this.#put(".sample-list", ...this.#samples(labels));
    this.#put("#card-heading", words.aboutTaught);
    this.#put("#classes-count", integer(labels.length));
    const chips = labels.map((label) => Object.assign(make("li", "chip", label), { dir: "auto" }));
    this.#put(".chips", ...chips);
    this.#put("#facts", ...facts(head));
  }

  /** One picture of each class. @param {string[]} labels */
  #samples(labels) {
    return labels.flatMap((label) => {
      const one = this.#session.classes.find(({ name }) => name === label);
      const example = one && this.#session.of(one)[0];
      if (!example) return [];
      const sample = button("sample", "");
      const image = document.createElement("img");
      image.src = URL.createObjectURL(example.picture);
      this.#addresses.push(image.src);
      Object.assign(image, { alt: "", width: 96, height: 96 });
      const name = Object.assign(make("span", "sample-label", label), { dir: "auto" });
      sample.append(image, make("span", "visually-hidden", `${words.yourPicture} `), name);
      sample.addEventListener("click", () => this.#showPicture(example.picture));
      const row = document.createElement("li");
      row.append(sample);
      return [row];
    });
  }

  /** @param {string} selector @param {(Node | string)[]} content in the place of what stands there, where a theme has left it */
  #put(selector, ...content) {
    const element = document.querySelector(selector);
    if (!element) return;
    this.#before.set(element, [...element.childNodes]);
    element.replaceChildren(...content);
  }

  #restore() {
    for (const [element, nodes] of this.#before) element.replaceChildren(...nodes);
    this.#before.clear();
    this.#addresses.splice(0).forEach((address) => URL.revokeObjectURL(address));
    document.title = this.#title;
  }
}

/** @param {Head} head */
function facts({ heldOut: { asked, right }, examples, labels }) {
  const fact = (/** @type {string} */ name, /** @type {string} */ value, /** @type {string} */ note) => {
    const row = make("div", "fact");
    const definition = make("dd", asked || examples ? "" : "pending", value);
    if (note) definition.append(make("span", "fact-note", note));
    row.append(make("dt", "", name), definition);
    return row;
  };
  const note = asked ? fillCount(words.heldOutNote, asked) : "";
  return [
    fact(words.accuracy, asked ? exactPercent(right / asked) : pageWords.notMeasured, note),
    ...(examples
      ? [
          fact(
            words.trainingData,
            fillCount(pageWords.pictures, examples),
            fillCount(pageWords.inClasses, labels.length),
          ),
        ]
      : []),
  ];
}
