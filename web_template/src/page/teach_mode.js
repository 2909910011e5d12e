// The way to teaching: its module is fetched, checked and started when someone asks for it.
import { fetchPublished } from "../files.js";
import { byId } from "./elements.js";
import { sayFailure, words } from "./words.js";

/** @typedef {Omit<import("../teach/teach.js").Host, "root" | "base">} Lent */

const SCRIPT = "teach.js";

export class TeachMode {
  #recognise = byId("mode-recognise", HTMLButtonElement);
  #teach = byId("mode-teach", HTMLButtonElement);
  #section = byId("teach", HTMLElement);
  #status = byId("teach-status", HTMLElement);
  /** @type {Promise<void> | undefined} */
  #opened;

  /** @param {Lent} lent */
  constructor(lent) {
    this.#teach.disabled = !lent.classifier.canDescribe;
    this.#recognise.addEventListener("click", () => this.#show(false));
    this.#teach.addEventListener("click", () => {
      this.#show(true);
      this.#opened ??= this.#open(lent);
    });
  }

  /** @param {boolean} teaching */
  #show(teaching) {
    this.#recognise.setAttribute("aria-pressed", String(!teaching));
    this.#teach.setAttribute("aria-pressed", String(teaching));
    document.documentElement.classList.toggle("teaching", teaching);
    this.#section.hidden = !teaching;
  }

  /** @param {Lent} lent */
  async #open(lent) {
    const base = new URL(".", import.meta.url).href;
    this.#status.textContent = words.openingTeach;
    try {
      // Fills the cache with checked bytes: what is imported next is what was published.
      await fetchPublished(base, lent.classifier.contract.files, SCRIPT);
      /** @type {typeof import("../teach/teach.js")} */
      const { openTeaching } = await import(new URL(SCRIPT, base).href);
      await openTeaching({ ...lent, base, root: this.#section });
    } catch (error) {
      const { title, text } = sayFailure(error);
      this.#status.textContent = `${title}. ${text}`;
      this.#opened = undefined;
    }
  }
}
