// Keep and share: the taught page as one file or as a folder, the pictures, and all of them back.
import { button, make, save } from "../page/elements.js";
import { fill, sayReason, teachWords as words } from "../page/words.js";
import { TOO_MUCH } from "./limits.js";
import { carriedFiles, singleFile } from "./single_file.js";
import { bundleFiles, readBundle } from "./model_zip.js";
import { readSamples, samplesFiles } from "./samples_zip.js";
import { titleOf } from "./taught_page.js";

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
 * @property {() => void} onTitle the page was given another name
 * @property {() => Promise<void>} onStartOver
 */

export class ExportPanel {
  #at;
  #title = document.createElement("input");
  #file = button("button button-primary", words.downloadFile);
  #folder = button("button", words.downloadModel);
  #pictures = button("button", words.downloadPictures);
  #open = button("button", words.openFiles);
  #startOver = button("button button-quiet", words.startOver);
  #sure = make("div", "sure");
  #status = make("p", "teach-status");
  element = make("section", "keeping");

  /** @param {Surroundings} surroundings */
  constructor(surroundings) {
    this.#at = surroundings;
    this.#status.setAttribute("role", "status");
    this.#listenForDownloads();
    this.#listenForFiles();
    this.#listenForStartOver();
    const heading = make("h2", "", words.keep);
    heading.id = "keep-heading";
    this.element.setAttribute("aria-labelledby", heading.id);
    const label = make("label", "keeping-title", words.title);
    label.append(this.#title);
    this.element.append(heading, label, ...this.#rows(), this.#status, this.#startOver, this.#sure);
  }

  /** What can be downloaded now. */
  show() {
    const { head, examples, classes } = this.#at.session;
    this.element.classList.toggle("keeping-empty", !classes.length);
    this.#file.disabled = !head;
    this.#folder.disabled = !head;
    this.#pictures.disabled = !examples.length;
    this.#startOver.hidden = !classes.length || !this.#sure.hidden;
    if (!classes.length) this.#sure.hidden = true;
    if (document.activeElement !== this.#title) this.#title.value = this.#name();
  }

  #name() {
    const { session, contract } = this.#at;
    const { head, title } = session;
    return title || titleOf(head?.labels ?? session.classes.map(({ name }) => name), contract.title || contract.name);
  }

  #rows() {
    const rows = [
      { way: this.#file, hint: words.fileHint },
      { way: this.#folder, hint: words.modelHint },
      { way: this.#pictures, hint: words.picturesHint },
      { way: this.#open, hint: words.openHint },
    ];
    return rows.map(({ way, hint }) => {
      const row = make("div", "keeping-row");
      row.classList.toggle("keeping-row-open", way === this.#open);
      row.append(way, make("p", "keeping-hint", hint));
      return row;
    });
  }

  #listenForDownloads() {
    const { session, helper, contract, base } = this.#at;
    this.#title.maxLength = 120;
    this.#title.dir = "auto";
    this.#title.className = "class-name";
    this.#title.addEventListener("change", () => {
      void session.setTitle(this.#title.value.trim()).then(() => session.head && this.#at.onTitle());
    });
    const made = () => bundleFiles(session, contract, base, this.#title.value.trim() || this.#name());
    this.#file.addEventListener("click", () =>
      this.#guard(words.packing, async () => {
        const page = await singleFile(await made());
        return this.#download(new Blob([page], { type: "text/html" }), `${fileName(this.#title.value)}.html`);
      }),
    );
    const zip = (/** @type {Uint8Array<ArrayBuffer>} */ bytes) => new Blob([bytes], { type: "application/zip" });
    this.#folder.addEventListener("click", () =>
      this.#guard(words.packing, async () =>
        this.#download(zip(await helper.zip(await made())), `${fileName(this.#title.value)}.zip`),
      ),
    );
    this.#pictures.addEventListener("click", () =>
      this.#guard(words.packing, async () =>
        this.#download(
          zip(await helper.zip(await samplesFiles(session))),
          `${fileName(this.#title.value)}-${words.picturesFile}.zip`,
        ),
      ),
    );
  }

  #listenForFiles() {
    const input = document.createElement("input");
    Object.assign(input, { type: "file", accept: ".zip,.tm,.html,application/zip,text/html", multiple: true });
    input.id = "teach-zip";
    input.hidden = true;
    this.element.append(input);
    this.#open.addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      const files = [...(input.files ?? [])];
      input.value = "";
      if (files.length) void this.#guard(words.unpacking, () => this.#takeAll(files));
    });
  }

  /** Models first: the pictures of others come to their classes. @param {File[]} files */
  async #takeAll(files) {
    /** @type {Map<string, Blob[]>} */
    const pictures = new Map();
    const said = new Set();
    for (const file of files) {
      const found = await this.#take(file);
      if (typeof found === "string") said.add(files.length > 1 ? `${file.name}: ${found}` : found);
      else for (const [name, more] of found) pictures.set(name, [...(pictures.get(name) ?? []), ...more]);
    }
    if (pictures.size) said.add(await this.#at.onPictures(pictures));
    return [...said].join(" ");
  }

  /** @param {File} file @returns {Promise<string | Map<string, Blob[]>>} what to say, or pictures by class */
  async #take(file) {
    const { helper, session, contract } = this.#at;
    const isPage = /\.html?$/i.test(file.name) || file.type === "text/html";
    const files = isPage
      ? await carriedFiles(await file.text())
      : await helper.unzip(new Uint8Array(await file.arrayBuffer()));
    const head = files && (await readBundle(files, session, contract));
    if (head) {
      for (const label of head.labels) {
        if (!session.classes.some(({ name }) => name === label)) await session.addClass(label);
      }
      await session.use(head);
      await this.#at.onHead();
      return words.imported;
    }
    const pictures = readSamples(files ?? {});
    const isBundle = Object.keys(files ?? {}).some((path) => /(^|\/)contract\.json$/.test(path));
    const isForeign = Object.keys(files ?? {}).some((path) => /(^|\/)metadata\.json$/.test(path));
    if (!pictures.size && isForeign) return words.foreignModel;
    return !pictures.size || isBundle ? words.unusableZip : pictures;
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
      const reason = sayReason(error);
      this.#status.textContent = reason === TOO_MUCH ? words.tooMuch : fill(words.failed, { reason });
    }
    this.show();
  }

  /**
   * @param {Blob} file
   * @param {string} name
   */
  #download(file, name) {
    save(file, name);
    return fill(words.packed, { name });
  }

  /** What cannot be undone is asked for, with a way back. */
  #listenForStartOver() {
    const [yes, no] = [button("button button-bad", words.deleteAll), button("button", words.cancel)];
    this.#sure.hidden = true;
    this.#sure.append(make("p", "", words.reallyStartOver), yes, no);
    const ask = (/** @type {boolean} */ asking) => {
      this.#sure.hidden = !asking;
      this.show();
      (asking ? no : this.#startOver).focus();
    };
    this.#startOver.addEventListener("click", () => ask(true));
    no.addEventListener("click", () => ask(false));
    yes.addEventListener("click", () => {
      this.#sure.hidden = true;
      void this.#at.onStartOver().then(() => this.show());
    });
  }
}

/** @param {string} title */
const fileName = (title) =>
  title
    .trim()
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-|-$/g, "") || "model";
