// A button that records while it is held: by mouse, finger, pen or key; a click alone, as switches and voices give it, begins and ends.
import { button } from "../page/elements.js";

/**
 * @typedef {object} Actions
 * @property {() => void} start
 * @property {() => void} stop
 */

/** A click of a switch, a screen reader or a voice comes without anything that was held. */
const BY_ITSELF_MS = 400;

export class RecordButton {
  #actions;
  /** What holds it down: a pointer's id, or a key. @type {number | string | undefined} */
  #held;
  /** Whether a click alone began it. */
  #toggled = false;
  #releasedAt = -Infinity;
  element;

  /** @param {string} text @param {Actions} actions */
  constructor(text, actions) {
    this.#actions = actions;
    this.element = button("button button-record", text);
    this.#listenToPointers();
    this.#listenToKeys();
    this.element.addEventListener("click", () => {
      if (performance.now() - this.#releasedAt < BY_ITSELF_MS || this.#held !== undefined) return;
      this.#toggled = !this.#toggled;
      if (this.#toggled) actions.start();
      else actions.stop();
    });
  }

  /** The take is over, whoever ended it. */
  ended() {
    this.#toggled = false;
  }

  /** @param {number | string} by */
  #press(by) {
    if (this.#held !== undefined) return;
    this.#held = by;
    if (!this.#toggled) this.#actions.start();
  }

  /** @param {number | string} by */
  #release(by) {
    if (this.#held !== by) return;
    this.#held = undefined;
    this.#toggled = false;
    this.#releasedAt = performance.now();
    this.#actions.stop();
  }

  #listenToPointers() {
    const { element } = this;
    element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      // A finger that strays a little has not let go.
      element.setPointerCapture(event.pointerId);
      this.#press(event.pointerId);
    });
    const release = (/** @type {PointerEvent} */ { pointerId }) => this.#release(pointerId);
    element.addEventListener("pointerup", release);
    element.addEventListener("pointercancel", release);
    element.addEventListener("lostpointercapture", release);
    element.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  #listenToKeys() {
    const { element } = this;
    element.addEventListener("keydown", (event) => {
      if (event.key !== " " && event.key !== "Enter") return;
      event.preventDefault();
      if (!event.repeat) this.#press(event.key);
    });
    element.addEventListener("keyup", (event) => {
      if (event.key === " ") event.preventDefault();
      this.#release(event.key);
    });
    // A key is let go elsewhere, unheard; a pointer tells where it goes.
    element.addEventListener("blur", () => {
      if (typeof this.#held === "string") this.#release(this.#held);
    });
  }
}
