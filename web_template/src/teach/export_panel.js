// Downloads and uploads: the model as a bundle, the pictures as class folders, and both back.
import { button, make } from "../page/elements.js";
import { fill, teachWords as words } from "../page/words.js";
import { bundleFiles, readBundle } from "./model_zip.js";
import { readSamples, samplesFiles } from "./samples_zip.js";

/**
 * @typedef {import("./teaching_session.js").TeachingSession} TeachingSession
 * @typedef {import("./helper.js").Helper} Helper
 * @typedef {import("../loading/contract.js").Contract} Contract
 *
 * @typedef {object} Surroundings
 * @property {TeachingSession} session
 * @property {Helper} helper
 * @property {Contract} contract
 * @property {string} base address of the bundle's folder
 * @property {(pictures: Map<string, Blob[]>) => Promise<string>} onPictures answers what to say
 * @property {() => Promise<void>} onHead a head was opened and is in use
 * @property {() => Promise<void>} onStartOver
 */

export class ExportPanel {
  #at;
  #title = document.createElement("input");
  #model = button("button", words.downloadModel);
  #pictures = button("button", words.downloadPictures);
  #open = button("button", words.openZip);
  #startOver = button("button button-quiet", words.startOver);
  #status = make("p", "teach-status");
  element = make("details", "keeping");

  /** @param {Surroundings} surroundings */
  constructor(surroundings) {
    this.#at = surroundings;
    const { session, helper, contract, base } = surroundings;
    this.#title.value = words.defaultTitle.replace("{title}", () => contract.title || contract.name);
    this.#title.maxLength = 120;
    this.#title.dir = "auto";
    this.#title.className = "class-name";
    this.#status.setAttribute("role", "status");
    const label = make("label", "keeping-title", words.title);
    label.append(this.#title);
    this.#model.addEventListener("click", () =>
      this.#guard(words.packing, async () => {
        const title = this.#title.value.trim() || contract.name;
        const zip = await helper.zip(await bundleFiles(session, contract, base, title));
        return this.#download(zip, `${fileName(title)}.zip`);
      }),
    );
    this.#pictures.addEventListener("click", () =>
      this.#guard(words.packing, async () =>
        this.#download(
          await helper.zip(await samplesFiles(session)),
          `${fileName(this.#title.value)}-${words.picturesFile}.zip`,
        ),
      ),
    );
    this.#listenForZips();
    this.#startOver.addEventListener("click", () => this.#askThenClear());
    this.element.append(make("summary", "", words.keep), label, ...this.#rows(), this.#startOver, this.#status);
  }

  /** What can be downloaded now. */
  show() {
    this.#model.disabled = !this.#at.session.head;
    this.#pictures.disabled = !this.#at.session.examples.length;
    this.#startOver.hidden = !this.#at.session.classes.length;
    this.#startOver.textContent = words.startOver;
  }

  #rows() {
    const rows = [
      { way: this.#model, hint: words.modelHint },
      { way: this.#pictures, hint: words.picturesHint },
      { way: this.#open, hint: words.zipHint },
    ];
    return rows.map(({ way, hint }) => {
      const row = make("div", "keeping-row");
      row.append(way, make("p", "keeping-hint", hint));
      return row;
    });
  }

  #listenForZips() {
    const input = document.createElement("input");
    Object.assign(input, { type: "file", accept: ".zip,application/zip" });
    input.id = "teach-zip";
    input.hidden = true;
    this.element.append(input);
    this.#open.addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      const [file] = input.files ?? [];
      input.value = "";
      if (file) void this.#guard(words.unpacking, () => this.#take(file));
    });
  }

  /** @param {File} file */
  async #take(file) {
    const { helper, session, contract } = this.#at;
    const files = await helper.unzip(new Uint8Array(await file.arrayBuffer()));
    const head = readBundle(files, session, contract);
    if (head) {
      for (const label of head.labels) {
        if (!session.classes.some(({ name }) => name === label)) await session.addClass(label);
      }
      await session.use(head);
      await this.#at.onHead();
      return words.imported;
    }
    const pictures = readSamples(files);
    const isBundle = Object.keys(files).some((path) => /(^|\/)contract\.json$/.test(path));
    if (!pictures.size || isBundle) return words.unusableZip;
    return this.#at.onPictures(pictures);
  }

  /**
   * @param {string} meanwhile
   * @param {() => Promise<string>} work answers what to say
   */
  async #guard(meanwhile, work) {
    this.#status.textContent = meanwhile;
    try {
      this.#status.textContent = await work();
    } catch (error) {
      this.#status.textContent = fill(words.failed, { reason: error instanceof Error ? error.message : String(error) });
    }
    this.show();
  }

  /**
   * @param {Uint8Array<ArrayBuffer>} bytes
   * @param {string} name
   */
  #download(bytes, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([bytes], { type: "application/zip" }));
    link.download = name;
    link.click();
    // The download has begun by then; its bytes must not stay for as long as the page does.
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    return fill(words.packed, { name });
  }

  /** What cannot be undone is asked for twice. */
  #askThenClear() {
    if (this.#startOver.textContent !== words.reallyStartOver) this.#startOver.textContent = words.reallyStartOver;
    else void this.#at.onStartOver().then(() => this.show());
  }
}

/** @param {string} title */
const fileName = (title) =>
  title
    .trim()
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-|-$/g, "") || "model";
