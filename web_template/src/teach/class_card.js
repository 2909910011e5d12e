// One class: its name, its pictures, and the ways to add more.
import { button, make } from "../page/elements.js";
import { integer } from "../page/format.js";
import { dropped } from "../page/inputs.js";
import { fill, fillCount, words as pageWords, teachWords as words } from "../page/words.js";

/**
 * @typedef {import("./store.js").Class} Class
 * @typedef {import("./store.js").Example} Example
 *
 * @typedef {object} Actions
 * @property {(name: string) => void} rename
 * @property {() => void} remove
 * @property {(example: Example) => void} removeExample
 * @property {(files: File[]) => void} addFiles
 * @property {(card: ClassCard) => void} startRecording
 * @property {() => void} stopRecording
 */

/** Fewer pictures are shown than are kept: enough to see what is in a class. */
const MOST_SHOWN = 60;

export class ClassCard {
  #actions;
  #count = make("span", "class-count");
  #thumbs = make("ul", "thumbs");
  #hint = make("p", "class-hint", words.noPictures);
  #name = document.createElement("input");
  #record = button("button button-record", words.record);
  #add = button("button", words.addPictures);
  #remove = button("button-icon", "×");
  #state = words.record;
  /** @type {Map<Example, { row: HTMLElement, address: string }>} */
  #rows = new Map();
  element = make("li", "class-card");

  /**
   * @param {Class} one
   * @param {number} number its place, from 1
   * @param {Actions} actions
   */
  constructor(one, number, actions) {
    this.one = one;
    this.#actions = actions;
    this.#name.className = "class-name";
    this.#name.value = one.name;
    this.#name.dir = "auto";
    this.#name.maxLength = 80;
    this.#name.setAttribute("aria-label", fill(words.nameLabel, { n: integer(number) }));
    this.#name.addEventListener("change", () => {
      this.#name.value = this.#name.value.trim() || fill(words.className, { n: integer(number) });
      actions.rename(this.#name.value);
      this.#nameButtons();
    });
    this.#remove.addEventListener("click", () => actions.remove());
    this.#listenForFiles();
    this.#listenForHolding();
    this.#listenForArrows();
    this.#nameButtons();
    const head = make("div", "class-head");
    head.append(this.#name, this.#count, this.#remove);
    const ways = make("div", "class-ways");
    ways.append(this.#record, this.#add);
    this.element.append(head, ways, this.#hint, this.#thumbs);
  }

  focusName() {
    this.#name.focus();
    this.#name.select();
  }

  /** @param {Example[]} examples all of this class, the oldest first */
  show(examples) {
    this.#count.textContent = fillCount(pageWords.pictures, examples.length);
    this.#hint.hidden = examples.length > 0;
    const shown = new Set(examples.slice(-MOST_SHOWN));
    for (const [example, { row, address }] of this.#rows) {
      if (shown.has(example)) continue;
      URL.revokeObjectURL(address);
      row.remove();
      this.#rows.delete(example);
    }
    for (const example of shown) if (!this.#rows.has(example)) this.#thumbs.prepend(this.#addRow(example));
    this.#thumbs.hidden = shown.size === 0;
    this.#placeStop();
  }

  /** @param {string} text while something else than waiting is going on, or undefined */
  setState(text = words.record) {
    this.#state = text;
    this.#record.textContent = text;
    this.#record.classList.toggle("button-recording", text === words.recording);
    this.#nameButtons();
  }

  dispose() {
    for (const { address } of this.#rows.values()) URL.revokeObjectURL(address);
    this.element.remove();
  }

  /** @param {Example} example */
  #addRow(example) {
    const row = make("li", "thumb");
    const image = document.createElement("img");
    const address = URL.createObjectURL(example.picture);
    image.src = address;
    image.alt = "";
    image.decoding = "async";
    const remove = button("thumb-remove", "×");
    remove.setAttribute(
      "aria-label",
      fill(words.removePicture, { n: integer(this.#rows.size + 1), name: this.one.name }),
    );
    remove.addEventListener("click", () => {
      const beside = row.nextElementSibling ?? row.previousElementSibling;
      const next = beside?.querySelector("button") ?? this.#add;
      this.#actions.removeExample(example);
      next.focus();
    });
    row.append(image, remove);
    this.#rows.set(example, { row, address });
    return row;
  }

  #nameButtons() {
    const { name } = this.one;
    // What is read aloud begins with what is written.
    const label = this.#state === words.record ? fill(words.recordLabel, { name }) : `${this.#state} ${name}`;
    this.#record.setAttribute("aria-label", label);
    this.#add.setAttribute("aria-label", fill(words.addPicturesLabel, { name }));
    this.#remove.setAttribute("aria-label", fill(words.removeClass, { name }));
  }

  #listenForFiles() {
    const input = document.createElement("input");
    Object.assign(input, { type: "file", accept: "image/*", multiple: true });
    input.addEventListener("change", () => {
      this.#actions.addFiles([...(input.files ?? [])]);
      input.value = "";
    });
    this.#add.addEventListener("click", () => input.click());
    this.element.addEventListener("drop", (event) => {
      // The page would recognise what falls elsewhere.
      event.preventDefault();
      event.stopPropagation();
      document.dispatchEvent(new Event("dropped"));
      if (event.dataTransfer) void dropped(event.dataTransfer).then((files) => this.#actions.addFiles(files));
    });
  }

  /** All pictures are one stop of the Tab key, however many they are; the arrows go from one to the next. */
  #listenForArrows() {
    this.#thumbs.addEventListener("keydown", (event) => {
      const [back, on] = getComputedStyle(this.#thumbs).direction === "rtl" ? [1, -1] : [-1, 1];
      const step = { ArrowLeft: back, ArrowRight: on }[event.key];
      if (!step) return;
      const buttons = [...this.#thumbs.querySelectorAll("button")];
      const next = buttons[buttons.findIndex((each) => each === event.target) + step];
      if (!next) return;
      event.preventDefault();
      next.focus();
      this.#placeStop();
    });
  }

  #placeStop() {
    const buttons = [...this.#thumbs.querySelectorAll("button")];
    const stop = buttons.find((each) => each === document.activeElement) ?? buttons[0];
    for (const each of buttons) each.tabIndex = each === stop ? 0 : -1;
  }

  /** Held by pointer, by Space or by Enter: as long as it is down, pictures come in. */
  #listenForHolding() {
    const start = () => this.#actions.startRecording(this);
    const stop = () => this.#actions.stopRecording();
    this.#record.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      // A finger that strays a little has not let go.
      this.#record.setPointerCapture(event.pointerId);
      start();
    });
    for (const end of ["pointerup", "pointercancel", "blur"]) this.#record.addEventListener(end, stop);
    this.#record.addEventListener("contextmenu", (event) => event.preventDefault());
    this.#record.addEventListener("keydown", (event) => {
      if (event.key !== " " && event.key !== "Enter") return;
      event.preventDefault();
      if (!event.repeat) start();
    });
    this.#record.addEventListener("keyup", stop);
  }
}
