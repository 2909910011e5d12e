// The square that shows what the model sees.
import { byId } from "./elements.js";
import { integer } from "./format.js";
import { fill, words } from "./words.js";

/** @typedef {"empty" | "picture" | "camera"} StageState */

export class Stage {
  #box = byId("stage", HTMLElement);
  #picture = byId("picture", HTMLImageElement);
  #rate = byId("rate", HTMLElement);
  #told = byId("told", HTMLElement);
  #address = "";
  video = byId("video", HTMLVideoElement);

  /** @returns {StageState} */
  get state() {
    return /** @type {StageState} */ (this.#box.dataset.state);
  }

  /** @param {"center-square" | "squash"} crop what the model is given of a picture, and so what is shown of it */
  setCrop(crop) {
    this.#box.dataset.crop = crop;
  }

  /** @param {Blob} blob */
  async showPicture(blob) {
    const address = URL.createObjectURL(blob);
    this.#picture.src = address;
    this.#picture.alt = words.pictureAlt;
    this.#forget();
    this.#address = address;
    this.#set("picture");
  }

  /** Brings the picture into sight, and with it the answer beside or below it. */
  reveal() {
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#box.scrollIntoView({ block: "nearest", behavior: isCalm ? "auto" : "smooth" });
  }

  /** @param {boolean} mirrored */
  showCamera(mirrored) {
    this.#box.classList.toggle("stage-mirrored", mirrored);
    this.#set("camera");
  }

  clear() {
    this.#forget();
    this.#picture.removeAttribute("src");
    this.#picture.alt = "";
    this.#set("empty");
  }

  /** @param {number | undefined} perSecond */
  setRate(perSecond) {
    this.#rate.hidden = perSecond === undefined;
    if (perSecond !== undefined) this.#rate.textContent = fill(words.rate, { n: integer(Math.round(perSecond)) });
  }

  /** In large letters over the picture. @param {string} [text] nothing when left out */
  tell(text = "") {
    this.#told.hidden = !text;
    this.#told.textContent = text;
  }

  /** @param {boolean} over something is being dragged over the page */
  setDropping(over) {
    this.#box.classList.toggle("stage-dropping", over);
  }

  #forget() {
    if (this.#address) URL.revokeObjectURL(this.#address);
    this.#address = "";
  }

  /** @param {StageState} state */
  #set(state) {
    this.#box.dataset.state = state;
    if (state !== "camera") this.setRate(undefined);
  }
}
