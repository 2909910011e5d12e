// <pagesight-classifier src="digits/">: a place to drop a picture, and the answer, in any page.
import { PagesightError, load } from "./pagesight.js";

/**
 * @typedef {import("./pagesight.js").Classifier} Classifier
 * @typedef {import("./pagesight.js").Source} Source
 */

const STYLE = `
  :host { display: inline-grid; gap: .5rem; min-width: 12rem; font: inherit; color: inherit; }
  :host([hidden]) { display: none; }
  label { display: grid; place-items: center; min-height: 8rem; padding: 1rem; border: 2px dashed currentcolor; border-radius: .75rem;
    text-align: center; cursor: pointer; }
  label:focus-within { outline: 3px solid; outline-offset: 2px; }
  input { position: absolute; width: 1px; height: 1px; opacity: 0; }
  img { max-width: 100%; max-height: 16rem; border-radius: .5rem; }
  output { display: block; min-height: 1.5em; font-weight: 600; }
`;
const MARKUP = `
  <label part="drop"><input type="file" accept="image/*"><slot>Choose or drop a picture</slot><img part="picture" alt="" hidden></label>
  <output part="answer"></output>
`;

/**
 * Attributes: `src`, the bundle's folder; `top-k`, how many answers an event carries.
 * Events: `ready`; `answer` with detail [{ label, probability }]; `failure` with detail PagesightError.
 */
export class PagesightClassifierElement extends HTMLElement {
  static observedAttributes = ["src"];
  #root = this.attachShadow({ mode: "open" });
  #address = "";
  /** @type {Promise<Classifier> | undefined} */
  #loading;

  constructor() {
    super();
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    // As an object, and not as markup: a strict policy allows no inline styles.
    this.#root.adoptedStyleSheets = [sheet];
    this.#root.innerHTML = MARKUP;
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
    void this.#load().catch(() => {});
  }

  disconnectedCallback() {
    this.#forget();
  }

  attributeChangedCallback() {
    this.#forget();
    if (this.isConnected) void this.#load().catch(() => {});
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
      const topK = Number(this.getAttribute("top-k")) || undefined;
      const answers = await classifier.classify(source, { topK });
      const sure = answers[0].probability >= classifier.contract.decision.threshold;
      this.#say(`${sure ? "" : "? "}${answers[0].label} ${Math.round(answers[0].probability * 100)}%`);
      this.dispatchEvent(new CustomEvent("answer", { detail: answers }));
      return answers;
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  /** @returns {Promise<Classifier>} */
  #load() {
    if (!this.#loading) {
      const base = new URL(this.getAttribute("src") || ".", document.baseURI);
      const loading = load(base.href.endsWith("/") ? base : `${base.href}/`);
      this.#loading = loading;
      loading.then(
        () => this.dispatchEvent(new Event("ready")),
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

  /** @param {string} text */
  #say(text) {
    const output = this.#root.querySelector("output");
    if (output) output.textContent = text;
  }

  /** @param {unknown} error */
  #fail(error) {
    this.#say(error instanceof PagesightError ? error.message : String(error));
    this.dispatchEvent(new CustomEvent("failure", { detail: error }));
  }
}

if (!customElements.get("pagesight-classifier")) {
  customElements.define("pagesight-classifier", PagesightClassifierElement);
}
