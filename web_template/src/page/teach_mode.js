// The way to teaching: its module is fetched, checked and started when someone asks for it.
import { byId } from "./elements.js";
import { home } from "./home.js";
import { recall } from "../loading/memory.js";
import { teachScript } from "./teach_script.js";
import { sayFailure, words } from "./words.js";

/** @typedef {Omit<import("../teach/teach.js").Host, "root" | "base">} Lent */

export class TeachMode {
  #recognize = byId("mode-recognize", HTMLButtonElement);
  #teach = byId("mode-teach", HTMLButtonElement);
  #section = byId("teach", HTMLElement);
  #status = byId("teach-status", HTMLElement);
  /** @type {Promise<void> | undefined} */
  #opened;
  #onSwitch;

  /**
   * @param {Lent} lent
   * @param {() => void} onSwitch another mode was chosen
   */
  constructor(lent, onSwitch) {
    this.#onSwitch = onSwitch;
    this.#teach.disabled = !lent.classifier.canDescribe;
    this.#recognize.addEventListener("click", () => this.#show(false));
    // What was taught here before is what the page is, until someone switches back.
    if (!this.#teach.disabled && recall(`taught:${home}`) !== undefined) this.#opened = this.#open(lent);
    this.#teach.addEventListener("click", () => {
      this.#show(true);
      this.#opened ??= this.#open(lent);
    });
  }

  /** @param {boolean} teaching */
  #show(teaching) {
    this.#recognize.setAttribute("aria-pressed", String(!teaching));
    this.#teach.setAttribute("aria-pressed", String(teaching));
    document.documentElement.classList.toggle("teaching", teaching);
    this.#section.hidden = !teaching;
    this.#onSwitch();
  }

  /** @param {Lent} lent */
  async #open(lent) {
    this.#status.textContent = words.openingTeach;
    try {
      const { openTeaching } = await teachScript(lent.classifier.contract.files);
      await openTeaching({ ...lent, base: home, root: this.#section });
    } catch (error) {
      const { title, text } = sayFailure(error);
      this.#status.textContent = `${title}. ${text}`;
      // What was taught here answers no more, and nobody has asked for the section that says why.
      if (this.#section.hidden) lent.onMessage({ title, text });
      this.#opened = undefined;
    }
  }
}
