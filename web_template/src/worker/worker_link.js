// The page's side of the worker: starts it, and matches replies to calls.
import { PagesightError } from "../errors.js";
import { toBitmap } from "../input/bitmap.js";
import { whereIs } from "../loading/files.js";

/**
 * @typedef {import("./serve.js").Call} Call
 * @typedef {import("./serve.js").Reply} Reply
 * @typedef {{ resolve: (value: unknown) => void, reject: (error: any) => void }} Waiting
 */

/** A worker that did not start within so many milliseconds was forbidden to, without a word, or hangs. */
const START_MS = 10_000;

export class WorkerLink {
  /** Whether the worker runs: false where it could not be started, a page's policy may forbid it. @type {Promise<boolean>} */
  started;
  /** Whether the browser said that it does not start it. */
  refused = false;
  #worker;
  #up = false;
  /** Milliseconds that one call may take; any number while it is undefined. @type {number | undefined} */
  timeoutMs;
  #next = 0;
  /** @type {Map<number, Waiting>} */
  #waiting = new Map();
  /** @type {PagesightError | undefined} */
  #closed;

  /** @param {Worker} worker */
  constructor(worker) {
    this.#worker = worker;
    worker.addEventListener("message", () => (this.#up = true), { once: true });
    this.started = starts(worker);
    worker.addEventListener("message", (/** @type {MessageEvent<Reply>} */ { data }) => this.#settle(data));
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.refused = !this.#up;
      this.close(this.#up ? new PagesightError("model", event.message) : noWorker(event.message));
    });
  }

  /**
   * @param {Call} call
   * @param {Transferable[]} [transfer]
   * @returns {Promise<unknown>}
   */
  call(call, transfer = []) {
    if (this.#closed) return Promise.reject(this.#closed);
    const id = this.#next++;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    if (this.timeoutMs) {
      const late = `no answer within ${this.timeoutMs / 1000} seconds`;
      timer = setTimeout(() => this.close(new PagesightError("model", late)), this.timeoutMs);
    }
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      try {
        this.#worker.postMessage({ id, ...call }, transfer);
      } catch (error) {
        // It cannot be handed over, and nobody will answer.
        this.#waiting.delete(id);
        reject(error);
      }
    }).finally(() => clearTimeout(timer));
  }

  /** @param {PagesightError} [reason] */
  close(reason = new PagesightError("disposed", "the classifier was disposed")) {
    this.#closed ??= reason;
    this.#worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(reason);
    this.#waiting.clear();
  }

  /** @param {number} decoded the worker's number for it @param {Uint8Array<ArrayBuffer>} file that the worker cannot read */
  async #decode(decoded, file) {
    const bitmap = await toBitmap(file).catch(() => undefined);
    this.#worker.postMessage({ decoded, bitmap }, bitmap ? [bitmap] : []);
  }

  /** @param {Reply} reply */
  #settle(reply) {
    if ("decode" in reply) return void this.#decode(reply.id, reply.decode);
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ("error" in reply) waiting?.reject(new PagesightError(reply.error.code, reply.error.message, reply.error.file));
    else waiting?.resolve(reply.value);
  }
}

/** @param {Worker} worker that says something when it is up @returns {Promise<boolean>} */
export const starts = (worker) =>
  new Promise((resolve) => {
    worker.addEventListener("message", () => resolve(true), { once: true });
    worker.addEventListener("error", () => resolve(false), { once: true });
    setTimeout(() => resolve(false), START_MS);
  });

/** @param {string} [why] */
export const noWorker = (why) =>
  new PagesightError(
    "no-worker",
    `the model's worker did not start: ${why || "the browser or the page's policy forbids it"}`,
  );

/** Where scripts lie that are started more than once: each is kept once. @type {Map<string, string>} */
const addresses = new Map();

/**
 * A worker of the very bytes that were checked; it keeps to the page's own policy.
 * @param {string | ArrayBuffer} code
 * @returns {Worker}
 */
export function workerFrom(code) {
  const known = typeof code === "string" ? addresses.get(code) : undefined;
  const address = known ?? URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const worker = new Worker(address);
  if (typeof code === "string") addresses.set(code, address);
  else void starts(worker).then(() => URL.revokeObjectURL(address));
  return worker;
}

/**
 * A worker of a file whose bytes were checked before; it is fetched anew, or taken from a cache, and nothing binds that. For pages whose policy
 * allows workers from files alone.
 * @param {string} base address of the bundle's folder
 * @param {string} script relative to it
 * @returns {Worker | undefined} undefined where the file lies on another origin, or in this page
 */
export function workerAt(base, script) {
  const { href, origin } = new URL(script, base);
  return whereIs(base, script) === href && origin === location.origin
    ? new Worker(href, { type: "module" })
    : undefined;
}
