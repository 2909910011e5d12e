// <pagesight-classifier src="digits/">: a place to drop a picture or a camera, and the answer, in any page.
import { elementWords, sayError } from "./element_words.js";
import { Camera } from "../input/camera.js";
import { load } from "./pagesight.js";

/**
 * @typedef {import("./pagesight.js").Classifier} Classifier
 * @typedef {import("./pagesight.js").Source} Source
 */

const STYLE = `
  :host { display: inline-grid; gap: .5rem; min-width: 12rem; font: inherit; color: inherit; }
  :host([hidden]) { display: none; }
  label { display: grid; gap: .5rem; place-items: center; min-height: 8rem; padding: 1rem; border: 2px dashed currentcolor; border-radius: .75rem;
    text-align: center; cursor: pointer; }
  label:focus-within { outline: 3px solid; outline-offset: 2px; }
  input { position: absolute; width: 1px; height: 1px; opacity: 0; }
  :host([camera]) label { min-height: 4rem; }
  button { min-height: 2.75rem; padding: .5rem 1rem; border: 2px solid; border-radius: .75rem; background: none; font: inherit; color: inherit;
    cursor: pointer; }
  button[aria-pressed="true"] { border-style: double; border-width: 4px; }
  video { max-width: 100%; border-radius: .5rem; }
  video.mirrored { scale: -1 1; }
  img { max-width: 100%; max-height: 16rem; border-radius: .5rem; }
  output { display: block; min-height: 1.5em; font-weight: 600; }
`;
const MARKUP = `
  <label part="drop"><input type="file" accept="image/*"><slot id="choose"></slot><img part="picture" alt="" hidden></label>
  <button part="camera" type="button" aria-pressed="false" hidden><slot name="camera"></slot></button>
  <video part="video" playsinline muted hidden></video>
  <output part="answer" aria-live="polite" dir="auto"></output>
`;

/**
 * What it says is in the bundle's language; until that has come, in the page's, where it ships. What stands in its slots is said instead.
 *
 * Attributes: `src`, the bundle's folder; `top-k`, how many answers an event carries; `camera`, to offer the camera as well.
 * Events: `ready`; `answer` with detail [{ label, probability }]; `failure` with detail PagesightError.
 */
export class PagesightClassifierElement extends HTMLElement {
  static observedAttributes = ["src", "camera"];
  /** What answers where there is no `src`: the bundle in the page's own folder. @type {() => Promise<Classifier>} */
  static loadOwn = () => load(document.baseURI);
  #root = this.attachShadow({ mode: "open" });
  #video;
  #button;
  #camera;
  #address = "";
  #words = /** @type {import("./element_words.js").ElementWords} */ (elementWords("en"));
  /** @type {Promise<Classifier> | undefined} */
  #loading;

  constructor() {
    super();
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    // As an object, and not as markup: a strict policy allows no inline styles.
    this.#root.adoptedStyleSheets = [sheet];
    this.#root.innerHTML = MARKUP;
    this.#speak("en");
    this.#video = /** @type {HTMLVideoElement} */ (this.#root.querySelector("video"));
    this.#button = /** @type {HTMLButtonElement} */ (this.#root.querySelector("button"));
    this.#camera = new Camera(this.#video, () => this.stopCamera());
    this.#button.addEventListener("click", () => {
      if (this.#camera.running) this.stopCamera();
      else void this.startCamera().catch(() => {});
    });
    const input = this.#root.querySelector("input");
    input?.addEventListener("change", () => {
      if (input.files?.[0]) void this.classify(input.files[0]).catch(() => {});
      input.value = "";
    });
    this.addEventListener("dragover", (event) => event.preventDefault());
    this.addEventListener("drop", (event) => {
      event.preventDefault();
      const file = event.dataTransfer?.files[0];
      if (file) void this.classify(file).catch(() => {});
    });
  }

  connectedCallback() {
    const { lang } = /** @type {HTMLElement} */ (this.closest("[lang]") ?? document.documentElement);
    this.#speak(lang);
    // A module that defines what answers runs after the one that defines the element.
    queueMicrotask(() => void this.#load().catch(() => {}));
  }

  disconnectedCallback() {
    this.stopCamera();
    this.#forget();
  }

  /** @param {string} name */
  attributeChangedCallback(name) {
    if (name === "camera") {
      this.#button.hidden = !this.hasAttribute("camera");
      if (this.#button.hidden) this.stopCamera();
      return;
    }
    this.#forget();
    if (this.isConnected) void this.#load().catch(() => {});
  }

  /** Answers every frame of the camera until stopCamera(); resolves when it runs. */
  async startCamera() {
    try {
      const classifier = await this.#load();
      if (!(await this.#camera.start())) return;
      this.#showCamera(true);
      void this.#watch(classifier);
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  stopCamera() {
    this.#camera.stop();
    this.#showCamera(false);
  }

  /** Resolves when the model is ready. @returns {Promise<Classifier>} */
  get classifier() {
    return this.#load();
  }

  /**
   * Answers, and shows the picture and the answer.
   * @param {Source} source
   * @returns {Promise<{ label: string, probability: number }[]>} the most probable first
   */
  async classify(source) {
    try {
      const classifier = await this.#load();
      if (source instanceof Blob) this.#show(source);
      return await this.#answer(classifier, source);
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  /**
   * @param {Classifier} classifier
   * @param {Source} source
   */
  async #answer(classifier, source) {
    const topK = Number(this.getAttribute("top-k")) || undefined;
    const answers = await classifier.classify(source, { topK });
    const sure = answers[0].probability >= classifier.contract.decision.threshold;
    const { kind, threshold } = classifier.contract.decision;
    const named = kind === "multilabel" && sure ? answers.filter((a) => a.probability >= threshold) : [answers[0]];
    const text = named.map(({ label, probability }) => `${label} ${Math.round(probability * 100)}%`).join(", ");
    this.#say(`${sure ? "" : "? "}${text}`);
    this.dispatchEvent(new CustomEvent("answer", { detail: answers }));
    return answers;
  }

  /** @param {Classifier} classifier */
  async #watch(classifier) {
    try {
      while (this.#camera.running) {
        await this.#camera.nextFrame();
        if (this.#camera.running) await this.#answer(classifier, this.#video);
      }
    } catch (error) {
      // What was under way when it stopped is no failure.
      if (this.#camera.running) this.#fail(error);
      this.stopCamera();
    }
  }

  /** @param {boolean} on */
  #showCamera(on) {
    this.#video.hidden = !on;
    this.#video.className = on && this.#camera.mirrored ? "mirrored" : "";
    this.#button.setAttribute("aria-pressed", String(on));
    const image = this.#root.querySelector("img");
    if (image && on) image.hidden = true;
  }

  /** @returns {Promise<Classifier>} */
  #load() {
    if (!this.#loading) {
      const src = this.getAttribute("src");
      const base = new URL(src || ".", document.baseURI);
      const loading = src
        ? load(base.href.endsWith("/") ? base : `${base.href}/`)
        : PagesightClassifierElement.loadOwn();
      this.#loading = loading;
      loading.then(
        ({ contract }) => {
          this.#speak(contract.language ?? "");
          this.dispatchEvent(new Event("ready"));
        },
        (error) => this.#fail(error),
      );
    }
    return this.#loading;
  }

  #forget() {
    this.#loading?.then(
      (classifier) => classifier.dispose(),
      () => {},
    );
    this.#loading = undefined;
    URL.revokeObjectURL(this.#address);
  }

  /** @param {Blob} picture */
  #show(picture) {
    const image = this.#root.querySelector("img");
    if (!image) return;
    URL.revokeObjectURL(this.#address);
    this.#address = URL.createObjectURL(picture);
    image.src = this.#address;
    image.hidden = false;
  }

  /** @param {string} language it goes on in the last one where it has no words in this one */
  #speak(language) {
    this.#words = elementWords(language) ?? this.#words;
    const { language: spoken, direction, choose, camera } = this.#words;
    for (const [slot, text] of [
      ["#choose", choose],
      ["slot[name=camera]", camera],
    ]) {
      const element = /** @type {HTMLElement} */ (this.#root.querySelector(slot));
      element.textContent = text;
      element.dir = direction;
      element.lang = spoken;
    }
  }

  /** @param {string} text */
  #say(text) {
    const output = this.#root.querySelector("output");
    if (output) output.textContent = text;
  }

  /** @param {unknown} error */
  #fail(error) {
    this.#say(sayError(this.#words, error));
    this.dispatchEvent(new CustomEvent("failure", { detail: error }));
  }
}

if (!customElements.get("pagesight-classifier")) {
  customElements.define("pagesight-classifier", PagesightClassifierElement);
}
