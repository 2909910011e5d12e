// <pagesight-classifier src="digits/">: a place to drop a picture or a camera, and the answer, in any page.
import { elementWords, sayError, sayShare } from "./element_words.js";
import { Camera, CameraError } from "../input/camera.js";
import { load } from "./pagesight.js";

/**
 * @typedef {import("./pagesight.js").Classifier} Classifier
 * @typedef {import("./pagesight.js").Source} Source
 */

/** Nothing there in Node, where a server renders the page: importing the element does no harm. */
const Base = globalThis.HTMLElement ?? /** @type {typeof HTMLElement} */ (/** @type {unknown} */ (class {}));

/** What goes wrong by how a page was put together, and not by what a visitor did. */
const FOR_DEVELOPERS = new Set(["unreachable", "tampered", "contract", "model", "wrong-answer", "source"]);

/** A live answer is spoken when it has stood for so long. */
const STEADY_MS = 900;

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
  output span { display: block; font-weight: 400; }
  progress { width: 100%; height: .5rem; accent-color: currentcolor; }
  select { min-height: 2.75rem; font: inherit; color: inherit; background: none; border: 1px solid; border-radius: .5rem; }
  #spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  [hidden] { display: none !important; }
`;
const MARKUP = `
  <label part="drop"><input type="file" accept="image/*"><slot id="choose"></slot><img part="picture" alt="" hidden></label>
  <button part="camera" type="button" aria-pressed="false" hidden><slot name="camera"></slot></button>
  <video part="video" playsinline muted hidden></video>
  <select part="cameras" hidden></select>
  <progress part="loading" max="1" hidden></progress>
  <output part="answer" aria-live="polite" dir="auto"></output>
  <span id="spoken" aria-live="polite"></span>
`;

/**
 * What it says is in the bundle's language; until that has come, in the page's, where it ships. What stands in its slots is said instead.
 *
 * Attributes: `src`, the bundle's folder; `top-k`, how many answers an event carries; `camera`, to offer the camera as well.
 * `data-state` is loading, ready, answer, not-sure or error, for styles.
 * Events: `ready`; `answer` with detail [{ label, probability, sure }]; `failure` with detail PagesightError.
 */
export class PagesightClassifierElement extends Base {
  static observedAttributes = ["src", "camera"];
  /** What answers where there is no `src`: the bundle in the page's own folder. @type {() => Promise<Classifier>} */
  static loadOwn = () => load(new URL(".", document.baseURI));
  #root = this.attachShadow({ mode: "open" });
  #video;
  #button;
  #progress;
  #cameras;
  #camera;
  /** The device that a hidden page has let go. @type {string | undefined} */
  #paused;
  #onVisibility = () => void this.#pauseOrResume();
  #address = "";
  #words = /** @type {import("./element_words.js").ElementWords} */ (elementWords("en"));
  /** @type {Promise<Classifier> | undefined} */
  #loading;
  /** The failure to load that was said already, and that whoever waits for the model gets as well. @type {unknown} */
  #told;
  /** Counts what was asked to be shown: a late answer to an earlier picture is dropped. */
  #asked = 0;
  /** Counts starts and stops of the camera: a slow start, and a frame that is waited for, know that they were overtaken. */
  #filming = 0;
  /** What a stream answers is spoken once it has stood for a while. */
  #standing = { text: "", since: 0, spoken: "" };

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
    this.#progress = /** @type {HTMLProgressElement} */ (this.#root.querySelector("progress"));
    this.#cameras = /** @type {HTMLSelectElement} */ (this.#root.querySelector("select"));
    this.#cameras.addEventListener("change", () => void this.startCamera(this.#cameras.value).catch(() => {}));
    this.#camera = new Camera(this.#video, () => {
      this.stopCamera();
      this.#fail(new CameraError("CameraLost"));
    });
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
    document.addEventListener("visibilitychange", this.#onVisibility);
    // A module that defines what answers runs after the one that defines the element.
    queueMicrotask(() => this.isConnected && void this.#load().catch(() => {}));
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#onVisibility);
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

  /**
   * Answers every frame of the camera until stopCamera(); resolves when it runs.
   * @param {string} [deviceId] from now on this one; when left out, the one that was chosen last, or a phone's at its back
   */
  async startCamera(deviceId) {
    await this.#film(() => (deviceId ? this.#camera.choose(deviceId) : this.#camera.start()));
  }

  /** @param {() => Promise<boolean>} start */
  async #film(start) {
    const turn = ++this.#filming;
    const isOn = () => turn === this.#filming;
    this.#asked++;
    try {
      const classifier = await this.#load();
      if (!isOn() || !(await start())) return;
      this.#showCamera(true);
      void this.#listCameras();
      void this.#watch(classifier, isOn);
      // It may have been hidden while a person was asked for the camera.
      void this.#pauseOrResume();
    } catch (error) {
      if (isOn()) {
        this.stopCamera();
        this.#fail(error);
      }
      throw error;
    }
  }

  stopCamera() {
    this.#filming++;
    this.#paused = undefined;
    this.#camera.stop();
    this.#showCamera(false);
  }

  /** No light stays on, and no work is done, behind a page that nobody sees. */
  async #pauseOrResume() {
    if (document.hidden && this.#camera.running) {
      const device = this.#camera.deviceId;
      this.stopCamera();
      this.#paused = device;
    } else if (!document.hidden && this.#paused !== undefined) {
      const device = this.#paused;
      this.#paused = undefined;
      await this.#film(() => this.#camera.start(device || undefined)).catch(() => {});
    }
  }

  async #listCameras() {
    const cameras = await Camera.list();
    this.#cameras.replaceChildren(
      ...cameras.map(({ id, name }, i) => new Option(name || String(i + 1), id, false, id === this.#camera.deviceId)),
    );
    this.#cameras.hidden = cameras.length < 2 || !this.#camera.running;
  }

  /** Resolves when the model is ready. @returns {Promise<Classifier>} */
  get classifier() {
    return this.#load();
  }

  /**
   * Answers, and shows the picture and the answer, unless something else was asked for meanwhile. A camera that runs is stopped.
   * @param {Source} source
   * @returns {Promise<import("./classifier.js").Answer[]>} the most probable first
   */
  async classify(source) {
    this.stopCamera();
    const turn = ++this.#asked;
    const isWanted = () => turn === this.#asked;
    try {
      const classifier = await this.#load();
      if (isWanted() && source instanceof Blob) this.#show(source);
      return await this.#answer(classifier, source, isWanted);
    } catch (error) {
      if (isWanted()) this.#fail(error);
      throw error;
    }
  }

  /**
   * @param {Classifier} classifier
   * @param {Source} source
   * @param {() => boolean} isWanted whether it is to be shown once it is there
   */
  async #answer(classifier, source, isWanted) {
    const all = await classifier.classify(source);
    const answers = all.slice(0, Number(this.getAttribute("top-k")) || undefined);
    if (!isWanted()) return answers;
    const [{ label, probability, sure }] = all;
    const named = classifier.contract.decision.kind === "multilabel" ? all.filter((a) => a.sure) : [];
    if (named.length > 1) this.#say(named.map((a) => a.label).join(", "), "", "answer");
    else if (sure) this.#say(label, sayShare(this.#words, probability), "answer");
    else
      this.#say(
        this.#words[probability < 0.5 ? "perhaps" : "probably"].replace("{label}", () => label),
        this.#words.notSureEnough,
        "not-sure",
      );
    this.dispatchEvent(new CustomEvent("answer", { detail: answers }));
    return answers;
  }

  /** @param {Classifier} classifier @param {() => boolean} isOn until the camera is stopped, or started anew */
  async #watch(classifier, isOn) {
    try {
      while (isOn()) {
        await this.#camera.nextFrame();
        if (isOn()) await this.#answer(classifier, this.#video, isOn);
      }
    } catch (error) {
      // What was under way when it stopped is no failure.
      if (!isOn()) return;
      this.stopCamera();
      this.#fail(error);
    }
  }

  /** @param {boolean} on */
  #showCamera(on) {
    this.#video.hidden = !on;
    this.#video.className = on && this.#camera.mirrored ? "mirrored" : "";
    this.#button.setAttribute("aria-pressed", String(on));
    // A share that moves with every frame would be read out without end.
    this.#root.querySelector("output")?.setAttribute("aria-live", on ? "off" : "polite");
    this.#standing = { text: "", since: 0, spoken: "" };
    if (!on) this.#cameras.hidden = true;
    const image = this.#root.querySelector("img");
    if (image && on) image.hidden = true;
  }

  /** @returns {Promise<Classifier>} */
  #load() {
    if (!this.#loading) {
      const src = this.getAttribute("src");
      const base = new URL(src || ".", document.baseURI);
      const onProgress = (/** @type {number} */ loaded, /** @type {number} */ total) => {
        if (this.#loading === loading) this.#progress.value = total ? loaded / total : 0;
      };
      this.dataset.state = "loading";
      this.#progress.hidden = false;
      /** @type {Promise<Classifier>} */
      const loading = src ? load(base, { onProgress }) : PagesightClassifierElement.loadOwn();
      this.#loading = loading;
      loading.then(
        ({ contract }) => {
          if (this.#loading !== loading) return;
          this.#speak(contract.language ?? "");
          this.#progress.hidden = true;
          this.dataset.state = "ready";
          this.dispatchEvent(new Event("ready"));
        },
        (error) => {
          // Whoever left, or asks for another model by now, is not told; whoever asks again makes another try.
          if (this.#loading !== loading) return;
          this.#loading = undefined;
          this.#fail(error);
          this.#told = error;
        },
      );
    }
    return this.#loading;
  }

  #forget() {
    this.stopCamera();
    this.#asked++;
    this.#loading?.then(
      (classifier) => classifier.dispose(),
      () => {},
    );
    this.#loading = undefined;
    URL.revokeObjectURL(this.#address);
    // What another model answered is no answer of the next one.
    this.#root.querySelector("img")?.toggleAttribute("hidden", true);
    this.#root.querySelector("output")?.replaceChildren();
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

  /** @param {string} text @param {string} more below it @param {string} state */
  #say(text, more, state) {
    this.dataset.state = state;
    const output = this.#root.querySelector("output");
    const whole = more ? `${text} ${more}` : text;
    if (this.#camera.running) this.#speakWhenSteady(text);
    if (!output || output.textContent === whole) return;
    output.replaceChildren(text);
    if (!more) return;
    const detail = document.createElement("span");
    detail.setAttribute("part", "detail");
    detail.textContent = more;
    output.append(" ", detail);
  }

  /** @param {string} text of the answer to a frame */
  #speakWhenSteady(text) {
    const now = performance.now();
    const standing = this.#standing;
    if (text !== standing.text) this.#standing = { ...standing, text, since: now };
    else if (text !== standing.spoken && now - standing.since > STEADY_MS) {
      standing.spoken = text;
      const spoken = this.#root.querySelector("#spoken");
      if (spoken) spoken.textContent = text;
    }
  }

  /** @param {unknown} error */
  #fail(error) {
    if (error === this.#told) return;
    this.#progress.hidden = true;
    // Under what is said to visitors, the real reason where whoever builds the page can do something about it.
    const said = sayError(this.#words, error);
    const { code = "", message = "" } = /** @type {{ code?: string, message?: string }} */ (error);
    this.#say(said, FOR_DEVELOPERS.has(code) && message !== said ? message : "", "error");
    this.dispatchEvent(new CustomEvent("failure", { detail: error }));
  }
}

if (globalThis.customElements && !customElements.get("pagesight-classifier")) {
  customElements.define("pagesight-classifier", PagesightClassifierElement);
}
