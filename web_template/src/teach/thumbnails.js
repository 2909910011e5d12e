// The pictures of a class, small: each can be removed, and those that the model gets wrong say what it takes them for.
import { button, make } from "../page/elements.js";
import { integer } from "../page/format.js";
import { fill, teachWords as words } from "../page/words.js";

/**
 * @typedef {import("./store.js").Class} Class
 * @typedef {import("./store.js").Example} Example
 * @typedef {{ row: HTMLElement, address: string, remove: HTMLElement, mark: HTMLElement, n: number }} Thumb
 */

/** Fewer pictures are shown than are kept: enough to see what is in a class. */
const MOST_SHOWN = 60;

export class Thumbnails {
  #one;
  #beside;
  #remove;
  /** @type {Map<Example, Thumb>} */
  #thumbs = new Map();
  element = make("ul", "thumbs");

  /**
   * @param {Class} one
   * @param {HTMLElement} beside takes the focus when the last picture is gone
   * @param {(example: Example) => void} remove
   */
  constructor(one, beside, remove) {
    this.#one = one;
    this.#beside = beside;
    this.#remove = remove;
    this.#listenForArrows();
  }

  /**
   * @param {Example[]} examples the oldest first
   * @param {Map<number, string>} misread what those are taken for that the model gets wrong, by id
   */
  show(examples, misread) {
    // What is wrong is to be seen, however long ago it came.
    const wrong = examples.filter(({ id }) => misread.has(id)).slice(0, MOST_SHOWN / 2);
    const shown = new Set([...wrong, ...examples.slice(wrong.length - MOST_SHOWN)]);
    for (const [example, { row, address }] of this.#thumbs) {
      if (shown.has(example)) continue;
      URL.revokeObjectURL(address);
      row.remove();
      this.#thumbs.delete(example);
    }
    for (const example of shown) if (!this.#thumbs.has(example)) this.element.prepend(this.#add(example));
    for (const [example, thumb] of this.#thumbs) this.#mark(thumb, misread.get(example.id));
    this.element.hidden = shown.size === 0;
    this.#placeStop();
  }

  dispose() {
    for (const { address } of this.#thumbs.values()) URL.revokeObjectURL(address);
  }

  /** @param {Thumb} thumb @param {string | undefined} takenFor */
  #mark({ row, remove, mark, n }, takenFor) {
    const { name } = this.#one;
    row.classList.toggle("thumb-misread", takenFor !== undefined);
    mark.hidden = takenFor === undefined;
    mark.textContent = takenFor ?? "";
    const label = fill(words.removePicture, { n: integer(n), name });
    const wrong = takenFor === undefined ? "" : ` – ${fill(words.takenFor, { name: takenFor })}`;
    remove.setAttribute("aria-label", label + wrong);
    row.title = takenFor === undefined ? "" : fill(words.takenFor, { name: takenFor });
  }

  /** @param {Example} example */
  #add(example) {
    const row = make("li", "thumb");
    const image = document.createElement("img");
    const address = URL.createObjectURL(example.picture);
    image.src = address;
    image.alt = "";
    image.decoding = "async";
    const remove = button("thumb-remove", "×");
    const mark = make("span", "thumb-mark");
    mark.dir = "auto";
    mark.setAttribute("aria-hidden", "true");
    remove.addEventListener("click", () => {
      const beside = row.nextElementSibling ?? row.previousElementSibling;
      const next = beside?.querySelector("button") ?? this.#beside;
      this.#remove(example);
      next.focus();
    });
    row.append(image, mark, remove);
    this.#thumbs.set(example, { row, address, remove, mark, n: this.#thumbs.size + 1 });
    return row;
  }

  /** All pictures are one stop of the Tab key, however many they are; the arrows go from one to the next. */
  #listenForArrows() {
    this.element.addEventListener("keydown", (event) => {
      const [back, on] = getComputedStyle(this.element).direction === "rtl" ? [1, -1] : [-1, 1];
      const step = { ArrowLeft: back, ArrowRight: on }[event.key];
      if (!step) return;
      const buttons = [...this.element.querySelectorAll("button")];
      const next = buttons[buttons.findIndex((each) => each === event.target) + step];
      if (!next) return;
      event.preventDefault();
      next.focus();
      this.#placeStop();
    });
  }

  #placeStop() {
    const buttons = [...this.element.querySelectorAll("button")];
    const stop = buttons.find((each) => each === document.activeElement) ?? buttons[0];
    for (const each of buttons) each.tabIndex = each === stop ? 0 : -1;
  }
}
