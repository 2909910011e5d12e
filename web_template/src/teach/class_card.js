// One class: its name, its pictures, and the ways to add more.
import { button, make } from "../page/elements.js";
import { integer } from "../page/format.js";
import { dropped } from "../page/inputs.js";
import { fill, fillCount, words as pageWords, teachWords as words } from "../page/words.js";
import { RecordButton } from "./record_button.js";
import { Thumbnails } from "./thumbnails.js";

/**
 * @typedef {import("./store.js").Class} Class
 * @typedef {import("./store.js").Example} Example
 *
 * @typedef {object} Actions
 * @property {(name: string) => void} rename
 * @property {() => void} remove
 * @property {(examples: Example[]) => void} removeExamples
 * @property {(files: File[]) => void} addFiles
 * @property {(card: ClassCard) => void} startRecording
 * @property {() => void} stopRecording
 * @property {(card: ClassCard) => void} toggleHandsFree begins to record after a countdown, or ends it
 *
 * @typedef {{ kind: "waiting" | "starting" } | { kind: "countdown", n: number } | { kind: "recording", n: number }} State
 */

export class ClassCard {
  #actions;
  #count = make("span", "class-count");
  #hint = make("p", "class-hint", words.noPictures);
  #name = document.createElement("input");
  #record;
  #handsFree = button("button button-hands-free", words.handsFree);
  #add = button("button", words.addPictures);
  #undo = button("button button-undo", "");
  #remove = button("button-icon", "×");
  #thumbs;
  /** @type {State} */
  #state = { kind: "waiting" };
  /** What came last, together. @type {Example[]} */
  #lastTake = [];
  element = make("li", "class-card");

  /**
   * @param {Class} one
   * @param {number} number its place, from 1
   * @param {Actions} actions
   */
  constructor(one, number, actions) {
    this.one = one;
    this.#actions = actions;
    this.#record = new RecordButton(words.record, {
      start: () => actions.startRecording(this),
      stop: () => actions.stopRecording(),
    });
    this.#thumbs = new Thumbnails(one, this.#add, (example) => actions.removeExamples([example]));
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
    this.#handsFree.addEventListener("click", () => actions.toggleHandsFree(this));
    this.#undo.addEventListener("click", () => {
      actions.removeExamples(this.#lastTake);
      this.#add.focus();
    });
    this.#listenForFiles();
    this.#nameButtons();
    const head = make("div", "class-head");
    head.append(this.#name, this.#count, this.#remove);
    const ways = make("div", "class-ways");
    ways.append(this.#record.element, this.#handsFree, this.#add);
    this.element.append(head, ways, this.#hint, this.#thumbs.element, this.#undo);
  }

  focusName() {
    this.#name.focus();
    this.#name.select();
  }

  /**
   * @param {Example[]} examples all of this class, the oldest first
   * @param {Map<number, string>} misread what those are taken for that the model gets wrong, by id
   */
  show(examples, misread) {
    this.#count.textContent = fillCount(pageWords.pictures, examples.length);
    this.#hint.hidden = examples.length > 0 || this.#state.kind !== "waiting";
    this.#thumbs.show(examples, misread);
    const there = new Set(examples);
    this.#lastTake = this.#lastTake.filter((example) => there.has(example));
    const canUndo = this.#lastTake.length > 0 && this.#state.kind === "waiting";
    this.#undo.hidden = !canUndo;
    if (canUndo) this.#undo.textContent = fillCount(words.undoTake, this.#lastTake.length);
  }

  /** @param {Example[]} examples what has come together, and can be taken back together */
  setLastTake(examples) {
    this.#lastTake = examples;
  }

  /** @param {State} state */
  setState(state) {
    this.#state = state;
    const text = this.#said();
    const alone = state.kind === "countdown";
    this.#record.element.textContent = alone ? words.record : text;
    this.#record.element.classList.toggle("button-recording", state.kind === "recording");
    this.#handsFree.textContent = alone ? text : state.kind === "recording" ? words.stop : words.handsFree;
    this.#handsFree.classList.toggle("button-counting", alone);
    if (state.kind === "waiting") this.#record.ended();
    this.#nameButtons();
  }

  get isRecording() {
    return this.#state.kind === "recording";
  }

  dispose() {
    this.#thumbs.dispose();
    this.element.remove();
  }

  #said() {
    const state = this.#state;
    if (state.kind === "recording") return fill(words.recordingCount, { n: integer(state.n) });
    if (state.kind === "countdown") return fill(words.startsIn, { n: integer(state.n) });
    return state.kind === "starting" ? words.startingCamera : words.record;
  }

  #nameButtons() {
    const { name } = this.one;
    // What is read aloud begins with what is written.
    const { kind } = this.#state;
    const resting = kind === "waiting" || kind === "countdown";
    const label = resting ? fill(words.recordLabel, { name }) : `${this.#said()} ${name}`;
    this.#record.element.setAttribute("aria-label", label);
    this.#handsFree.setAttribute("aria-label", `${this.#handsFree.textContent} ${name}`);
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
      // The page would recognize what falls elsewhere.
      event.preventDefault();
      event.stopPropagation();
      if (event.dataTransfer) void dropped(event.dataTransfer).then((files) => this.#actions.addFiles(files));
    });
  }
}
