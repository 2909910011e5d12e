// A phone's pictures on their way: each is kept until the teacher's computer has it, through cut connections and full queues.
import { ask, pause, Refusal } from "./requests.js";

/** Seconds between two tries where there is no connection. */
const AGAIN = 1;
/** More are not recorded while so many wait. */
const MOST_WAITING = 200;
/** After these, there is nothing left to send to. */
export const ENDS = ["removed", "closed"];

/** @typedef {{ id: string, classId: string, picture: Blob }} Item */

export class Outbox {
  #address;
  #token;
  #onChange;
  /** @type {Item[]} */
  #items = [];
  #running = false;
  sent = 0;
  /** Whether the last try found the server. */
  connected = true;
  /** Why the last picture was not taken, or nothing. @type {string | undefined} */
  refused;
  /** Why what waits is not sent any more; one of ENDS, or nothing. @type {string | undefined} */
  over;

  /** @param {URL} address @param {string} token @param {() => void} onChange */
  constructor(address, token, onChange) {
    this.#address = address;
    this.#token = token;
    this.#onChange = onChange;
  }

  get waiting() {
    return this.#items.length;
  }

  get full() {
    return this.#items.length >= MOST_WAITING;
  }

  /** @param {string} classId @param {Blob} picture */
  add(classId, picture) {
    // The same picture sent twice, after an answer that was lost, is known by its id.
    this.#items.push({ id: crypto.getRandomValues(new Uint32Array(3)).join("-"), classId, picture });
    this.refused = undefined;
    this.#onChange();
    if (!this.#running) void this.#run();
  }

  async #run() {
    this.#running = true;
    while (this.#items.length && !this.over) {
      const wait = await this.#try(this.#items[0]);
      if (wait === undefined) this.#items.shift();
      this.#onChange();
      if (wait) await pause(wait);
    }
    this.#running = false;
  }

  /** @param {Item} item @returns {Promise<number | undefined>} seconds until it is tried again; undefined: it is done with */
  async #try({ id, classId, picture }) {
    const address = new URL(`pictures?${new URLSearchParams({ class: classId, id })}`, this.#address);
    try {
      await ask(address, this.#token, { method: "POST", body: picture });
      this.connected = true;
      this.sent++;
      return undefined;
    } catch (error) {
      this.connected = error instanceof Refusal;
      if (!(error instanceof Refusal)) return AGAIN;
      if (error.wait) return error.wait;
      if (ENDS.includes(error.reason)) {
        this.over = error.reason;
        return 0;
      }
      this.refused = error.reason;
      return undefined;
    }
  }
}
