// The teacher's side of collecting from phones: codes to scan, who takes part, and their pictures as they come.
import { button, make, write } from "../page/elements.js";
import { integer } from "../page/format.js";
import { fill, fillCount, sayReason, words as pageWords } from "../page/words.js";
import { teachersKey } from "../teach/collecting.js";
import { ask, news, pause, Refusal } from "./requests.js";

/**
 * @typedef {typeof import("../../words/en.json")["collect"]} Words
 * @typedef {{ id: string, number: number, pictures: number }} Device
 * @typedef {{ open: boolean, codes: string[], devices: Device[], waiting: { id: string, device: string, number: number, class: string }[] }} State
 *
 * @typedef {object} Lesson what the page lends
 * @property {() => { id: string, name: string }[]} classes
 * @property {(classId: string, picture: Blob, from: string) => Promise<"added" | "unreadable" | "gone">} add rejects where no other
 *   picture would fare better
 * @property {(from: string) => Promise<void>} remove all pictures of one phone
 * @property {() => Map<string, number>} counts pictures by phone
 */

const MORE_CODES = 6;
/** Of two pages on this machine, one alone takes the pictures: both would take each. */
const LOCK = "pagesight-collect";

export class Panel {
  #folder;
  #lesson;
  #words;
  #address;
  #key;
  /** @type {State} */
  #state = { open: false, codes: [], devices: [], waiting: [] };
  #codes = 1;
  /** What the server was told last. */
  #told = "";
  /** Pictures that are being taken, or were and are not forgotten yet. @type {Set<string>} */
  #taken = new Set();
  /** Of those, the ones that the lesson has: what the server is told of them may be lost. @type {Set<string>} */
  #added = new Set();
  #taking = Promise.resolve();
  #unreadable = 0;
  /** Whether the server has said how many codes it shows: from then on what is chosen here holds. */
  #heard = false;
  /** Whether this page takes the pictures; undefined until that is known. @type {boolean | undefined} */
  #mine;
  #lost = false;
  #restarted = false;
  /** Why no more pictures are taken, or why the server did not do as it was asked. */
  #failure = "";
  /** Whether this page cannot take pictures any more. */
  #failed = false;
  #toggle = button("button button-primary", "");
  #more = button("button", "");
  #list = make("ul", "collect-codes");
  #how = make("p", "collect-how");
  #devices = make("ul", "collect-devices");
  #news = make("p", "collect-news");
  #inside = make("div", "collect-inside");
  element = make("section", "collect");

  /** @param {URL} folder @param {Lesson} lesson @param {Words} words @param {string} address @param {string} key */
  constructor(folder, lesson, words, address, key) {
    this.#folder = folder;
    this.#lesson = lesson;
    this.#words = words;
    this.#address = address;
    this.#key = key;
    this.#news.setAttribute("role", "status");
    this.#toggle.addEventListener("click", () => void this.#switch());
    this.#more.addEventListener("click", () => {
      this.#codes = this.#codes === 1 ? MORE_CODES : 1;
      void this.#begin();
    });
    const heading = make("h3", "", words.heading);
    heading.id = "collect-heading";
    this.element.setAttribute("aria-labelledby", heading.id);
    const buttons = make("div", "collect-buttons");
    buttons.append(this.#toggle, this.#more);
    this.#inside.append(this.#list, this.#how);
    this.element.append(
      heading,
      make("p", "collect-text", words.consent),
      this.#inside,
      buttons,
      this.#devices,
      this.#news,
    );
    this.#show();
  }

  /**
   * @param {string} base address of the bundle's folder
   * @param {Lesson} lesson
   * @returns {Promise<Panel>} throws where the server collects nothing, or not for this browser
   */
  static async open(base, lesson) {
    const folder = new URL("collect/", base);
    const { collect, address } = await (await ask(new URL("words.json", folder), "")).json();
    const style = document.createElement("link");
    Object.assign(style, { rel: "stylesheet", href: new URL("panel.css", folder).href });
    document.head.append(style);
    const panel = new Panel(folder, lesson, collect, address, teachersKey() ?? "");
    void panel.#follow();
    void panel.#takeTurn();
    return panel;
  }

  /** The classes may be others now. */
  changed() {
    this.#tell();
    this.#show();
  }

  /** Everything is deleted: what phones send now would belong to nothing. */
  async stop() {
    if (this.#state.open && this.#mine) await this.#ask("close", "POST");
  }

  #tell() {
    if (this.#state.open && this.#mine && this.#told !== this.#toTell()) void this.#begin();
  }

  /** Waits until no other page takes the pictures. */
  async #takeTurn() {
    const hold = (/** @type {Lock | null} */ lock) => {
      this.#mine = lock !== null;
      this.#tell();
      this.#take();
      this.#show();
      return lock && new Promise(() => {}); // for as long as the page is open
    };
    await navigator.locks.request(LOCK, { ifAvailable: true }, hold);
    await navigator.locks.request(LOCK, hold);
  }

  #toTell() {
    return JSON.stringify({ classes: this.#lesson.classes(), codes: this.#codes });
  }

  async #begin() {
    this.#told = this.#toTell();
    this.#restarted = false;
    await this.#ask("open", "POST", this.#told);
  }

  async #switch() {
    if (this.#state.open) await this.#ask("close", "POST");
    else await this.#begin();
  }

  /** @param {string} path @param {string} method @param {string} [body] */
  async #ask(path, method, body) {
    try {
      await ask(new URL(path, this.#folder), this.#key, { method, body });
    } catch (error) {
      // Without a connection, #follow() hears of it, too, and of when it is back.
      if (error instanceof Refusal) this.#failure = this.#words.refused;
      else this.#lost = true;
      this.#show();
    }
  }

  /** Takes up the server's news for as long as the page is open; after a cut connection it gets all of them again. */
  async #follow() {
    for (;;) {
      this.#renewKey();
      try {
        for await (const state of news(new URL("state", this.#folder), this.#key)) {
          this.#state = state;
          this.#lost = false;
          if (!this.#heard && state.open) this.#codes = state.codes.length;
          this.#heard = true;
          this.#tell();
          this.#take();
          this.#show();
        }
      } catch {
        // Cut off, or another server runs by now: its refusal has brought its key.
      }
      this.#lost = true;
      this.#show();
      await pause(1);
    }
  }

  #renewKey() {
    const key = teachersKey() ?? this.#key;
    if (key === this.#key) return;
    this.#key = key;
    this.#restarted = true;
    this.#failure = "";
  }

  #take() {
    if (!this.#mine || this.#failed) return;
    const waiting = new Set(this.#state.waiting.map(({ id }) => id));
    for (const ids of [this.#taken, this.#added]) for (const id of ids) if (!waiting.has(id)) ids.delete(id);
    for (const one of this.#state.waiting) {
      if (this.#taken.has(one.id)) continue;
      this.#taken.add(one.id);
      this.#taking = this.#taking.then(() => this.#takeOne(one)).catch(() => void this.#taken.delete(one.id));
    }
  }

  /** @param {State["waiting"][number]} picture */
  async #takeOne(picture) {
    if (this.#failed) return;
    const address = new URL(`pictures/${encodeURIComponent(picture.id)}`, this.#folder);
    try {
      if (!this.#added.has(picture.id)) await this.#add(picture, await (await ask(address, this.#key)).blob());
      if (!this.#failed) await ask(address, this.#key, { method: "DELETE" });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error; // else its phone was removed meanwhile
    }
    this.#show();
  }

  /** @param {State["waiting"][number]} picture @param {Blob} blob */
  async #add({ id, device, number, class: classId }, blob) {
    try {
      const came = await this.#lesson.add(classId, blob, `${number}-${device}`);
      if (came === "unreadable") this.#unreadable++;
      this.#added.add(id);
    } catch (error) {
      // It stays where it is, and so do the others: a reload of the page takes them.
      this.#failed = true;
      this.#failure = sayReason(error);
    }
  }

  #show() {
    const { open, codes } = this.#state;
    const words = this.#words;
    this.#toggle.textContent = open ? words.stop : words.start;
    this.#toggle.classList.toggle("button-primary", !open);
    this.element.hidden = !open && !this.#lesson.classes().length;
    this.#toggle.hidden = this.#mine === false;
    this.#inside.hidden = !open;
    this.#more.hidden = !open || this.#mine === false;
    this.#more.textContent = codes.length > 1 ? words.oneCode : fill(words.moreCodes, { n: integer(MORE_CODES) });
    const shown = [...this.#list.children].map((row) => /** @type {HTMLElement} */ (row).dataset.code);
    if (shown.join() !== codes.join()) this.#list.replaceChildren(...codes.map((code) => this.#code(code)));
    this.#list.classList.toggle("collect-many", codes.length > 1);
    this.#how.textContent = fill(words.scan, { address: this.#address });
    this.#showDevices();
    write(this.#news, this.#sayNews());
  }

  #sayNews() {
    const words = this.#words;
    if (this.#failure) return this.#failure;
    if (this.#lost) return words.lost;
    if (this.#mine === false) return words.elsewhere;
    if (this.#restarted) return words.restarted;
    return this.#unreadable ? fillCount(words.unreadable, this.#unreadable) : "";
  }

  /** @param {string} code */
  #code(code) {
    const row = make("li", "collect-code");
    row.dataset.code = code;
    const image = document.createElement("img");
    image.src = new URL(`codes/${code}.svg`, this.#folder).href;
    image.alt = "";
    const text = make("span", "", code);
    text.dir = "ltr";
    row.append(image, text);
    return row;
  }

  #showDevices() {
    const { devices, open } = this.#state;
    const counts = this.#lesson.counts();
    const here = new Map(devices.map((one) => [`${one.number}-${one.id}`, one]));
    const all = [...new Set([...here.keys(), ...counts.keys()])].sort((a, b) => parseInt(a) - parseInt(b));
    const rows = all.map((from) => {
      const device = here.get(from);
      const key = JSON.stringify([from, counts.get(from) ?? 0, device !== undefined]);
      const old = [...this.#devices.children].find((row) => /** @type {HTMLElement} */ (row).dataset.key === key);
      return old ?? this.#device(key, from, counts.get(from) ?? 0, device);
    });
    if (!rows.length && open) rows.push(make("li", "collect-none", this.#words.noneYet));
    // Left alone where it is the same: what has the focus would lose it.
    if (rows.length !== this.#devices.children.length || rows.some((row, i) => this.#devices.children[i] !== row)) {
      const focused = /** @type {HTMLElement | null} */ (this.#devices.querySelector("button:focus"))?.dataset.does;
      this.#devices.replaceChildren(...rows);
      if (focused) /** @type {HTMLElement | null} */ (this.#devices.querySelector(`[data-does="${focused}"]`))?.focus();
    }
    this.#devices.hidden = !rows.length;
  }

  /** @param {string} key @param {string} from @param {number} count @param {Device | undefined} device */
  #device(key, from, count, device) {
    const words = this.#words;
    const name = fill(words.phone, { n: integer(parseInt(from)) });
    const row = make("li", "collect-device");
    row.dataset.key = key;
    row.append(make("span", "collect-name", name), make("span", "collect-count", fillCount(pageWords.pictures, count)));
    const add = (/** @type {string} */ text, /** @type {string} */ label, /** @type {() => void} */ act) => {
      const does = button("button", text);
      does.dataset.does = `${text} ${from}`;
      does.setAttribute("aria-label", fill(label, { phone: name }));
      does.addEventListener("click", act);
      row.append(does);
    };
    if (count) add(words.remove, words.removeLabel, () => void this.#lesson.remove(from).then(() => this.#show()));
    if (device) add(words.disconnect, words.disconnectLabel, () => void this.#ask(`devices/${device.id}`, "DELETE"));
    return row;
  }
}
