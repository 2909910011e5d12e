// What computes the answers: WebAssembly, or a graphics card where this machine has one that is faster; and why.
import { whereIs } from "../loading/files.js";
import { button, make } from "./elements.js";
import { milliseconds } from "./format.js";
import { home } from "./home.js";
import { fill, words } from "./words.js";

/** @typedef {import("../worker/gpu.js").Attempt} Attempt */

/** So many answers tell how long WebAssembly takes here. */
const FIRST_ANSWERS = 3;
/** Below this many milliseconds on WebAssembly no graphics card pays: handing it a picture and fetching the answer takes longer. */
const WORTH_TRYING_MS = 8;

export class BackendSelector {
  #classifier;
  #announce;
  // A theme may leave the card out.
  #fact = document.querySelector("#fact-backend dd");
  #lost = document.getElementById("gpu-lost");
  #button = button("button", "");
  /** Milliseconds of the first answers. @type {number[]} */
  #times = [];
  /** Whether it was asked once already, or never is to be. */
  #settled;

  /**
   * @param {import("../api/pagesight.js").Classifier} classifier
   * @param {(text: string) => void} announce for those who listen
   */
  constructor(classifier, announce) {
    this.#classifier = classifier;
    this.#announce = announce;
    const { files } = classifier.contract;
    // A page in one file carries no workers for it.
    const able = "gpu.js" in files && typeof whereIs(home, "manifest.json") === "string";
    this.#settled = !able || Boolean(/** @type {any} */ (navigator).connection?.saveData);
    this.#button.addEventListener("click", () => {
      if (classifier.backend.includes("wasm")) return void this.#try().then(() => this.#tell());
      classifier.useWasm();
      this.#show("");
      this.#tell();
    });
    const place = make("dd", "fact-action");
    if (able) this.#fact?.after(place);
    place.append(this.#button);
    this.#show("");
  }

  /** @param {number} took milliseconds of an answer's forward pass */
  heard(took) {
    if (this.#settled || this.#times.push(took) < FIRST_ANSWERS) return;
    this.#settled = true;
    if (Math.min(...this.#times) >= WORTH_TRYING_MS) void this.#try();
  }

  async #try() {
    this.#settled = true;
    this.#button.disabled = true;
    this.#say(words.computing.trying);
    if (this.#lost) this.#lost.hidden = true;
    try {
      const { attempts } = await this.#classifier.tryGpu({ onFallback: () => this.#fellBack() });
      const last = attempts.at(-1);
      this.#show(last ? told(last) : words.computing.none);
    } catch {
      this.#show(words.computing.failed);
    }
    this.#button.disabled = false;
  }

  /** What came of it, to whoever pressed the button. */
  #tell() {
    if (document.activeElement === document.body) this.#button.focus();
    this.#announce(this.#fact?.textContent ?? "");
  }

  #fellBack() {
    this.#show(words.computing.lost);
    this.#announce(words.computing.lost);
    if (this.#lost) this.#lost.hidden = false;
  }

  /** @param {string} why */
  #show(why) {
    const { backend } = this.#classifier;
    this.#button.textContent = backend.includes("wasm") ? words.computing.tryIt : words.computing.leaveIt;
    document.documentElement.dataset.backend = backend;
    this.#say(why);
  }

  /** @param {string} why */
  #say(why) {
    if (!this.#fact) return;
    this.#fact.className = "";
    this.#fact.replaceChildren(NAMES[this.#classifier.backend], ...(why ? [make("span", "fact-note", why)] : []));
  }
}

/** @type {Record<import("../worker/serve.js").BackendName, string>} */
const NAMES = { wasm: "WebAssembly", "tfjs-wasm": "WebAssembly", webgpu: "WebGPU", webgl: "WebGL" };

/** @param {Attempt} attempt */
function told({ verdict, backend, device, milliseconds: gpu, wasm }) {
  const sentence = words.computing[verdict];
  const times = { gpu: milliseconds(gpu ?? 0), wasm: milliseconds(wasm ?? 0) };
  return fill(sentence, { device: device || NAMES[backend], ...times });
}
