// The teacher's side of collecting from phones: codes to scan, who takes part, and their pictures as they come.
import { button, make } from "../page/elements.js";
import { integer } from "../page/format.js";
import { fill, fillCount, words as pageWords } from "../page/words.js";
import { ask, news, pause, Refusal } from "./requests.js";

/**
 * @typedef {typeof import("../../words/en.json")["collect"]} Words
 * @typedef {{ id: string, number: number, pictures: number }} Device
 * @typedef {{ open: boolean, codes: string[], devices: Device[], waiting: { id: string, device: string, class: string }[] }} State
 *
 * @typedef {object} Lesson what the page lends
 * @property {() => { id: string, name: string }[]} classes
 * @property {(classId: string, picture: Blob, from: string) => Promise<"added" | "unreadable" | "gone">} add
 * @property {(from: string) => Promise<void>} remove all pictures of one phone
 * @property {() => Map<string, number>} counts pictures by phone
 */

const MORE_CODES = 6;

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
  #taking = Promise.resolve();
  #unreadable = 0;
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
    // Any answer of the server's brings its present key.
    const key = new RegExp(`pagesight-collect-${location.port}=([^;]+)`).exec(document.cookie)?.[1] ?? "";
    const panel = new Panel(folder, lesson, collect, address, key);
    void panel.#follow();
    return panel;
  }

  /** The classes may be others now. */
  changed() {
    const { open } = this.#state;
    if (open && this.#told !== this.#toTell()) void this.#begin();
    this.#show();
  }

  #toTell() {
    return JSON.stringify({ classes: this.#lesson.classes(), codes: this.#codes });
  }

  async #begin() {
    this.#told = this.#toTell();
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
    } catch {
      this.#news.textContent = this.#words.lost;
    }
  }

  /** Takes up the server's news for as long as the page is open; after a cut connection it gets all of them again. */
  async #follow() {
    for (;;) {
      try {
        for await (const state of news(new URL("state", this.#folder), this.#key)) {
          this.#state = state;
          this.#news.textContent = "";
          this.#codes = state.open ? state.codes.length : this.#codes;
          if (state.open && this.#told !== this.#toTell()) void this.#begin();
          this.#take();
          this.#show();
        }
      } catch (error) {
        // Another server runs by now, with another key: only a reload of the page brings that.
        if (error instanceof Refusal) return;
      }
      this.#news.textContent = this.#words.lost;
      await pause(1);
    }
  }

  #take() {
    const waiting = new Set(this.#state.waiting.map(({ id }) => id));
    for (const id of this.#taken) if (!waiting.has(id)) this.#taken.delete(id);
    for (const one of this.#state.waiting) {
      if (this.#taken.has(one.id)) continue;
      this.#taken.add(one.id);
      this.#taking = this.#taking.then(() => this.#takeOne(one)).catch(() => void this.#taken.delete(one.id));
    }
  }

  /** @param {State["waiting"][number]} picture */
  async #takeOne({ id, device, class: classId }) {
    const address = new URL(`pictures/${encodeURIComponent(id)}`, this.#folder);
    /** @type {Response} */
    let response;
    try {
      response = await ask(address, this.#key);
    } catch (error) {
      if (error instanceof Refusal) return; // its phone was removed meanwhile
      throw error;
    }
    const number = this.#state.devices.find((one) => one.id === device)?.number ?? 0;
    const blob = new Blob([await response.arrayBuffer()], { type: "image/jpeg" });
    const came = await this.#lesson.add(classId, blob, `${number}-${device}`);
    if (came === "unreadable") this.#unreadable++;
    await ask(address, this.#key, { method: "DELETE" });
    this.#show();
  }

  #show() {
    const { open, codes } = this.#state;
    const words = this.#words;
    this.#toggle.textContent = open ? words.stop : words.start;
    this.#toggle.classList.toggle("button-primary", !open);
    this.#more.hidden = this.#inside.hidden = !open;
    this.#more.textContent = codes.length > 1 ? words.oneCode : fill(words.moreCodes, { n: integer(MORE_CODES) });
    const shown = [...this.#list.children].map((row) => /** @type {HTMLElement} */ (row).dataset.code);
    if (shown.join() !== codes.join()) this.#list.replaceChildren(...codes.map((code) => this.#code(code)));
    this.#list.classList.toggle("collect-many", codes.length > 1);
    this.#how.textContent = fill(words.scan, { address: this.#address });
    this.#showDevices();
    if (this.#unreadable) this.#news.textContent = fillCount(words.unreadable, this.#unreadable);
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
