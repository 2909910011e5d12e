// Classes, examples and the head, kept in IndexedDB: a reload loses nothing, and nothing leaves the machine.

/**
 * @typedef {{ id: string, name: string }} Class
 * @typedef {{ id: number, classId: string, picture: Blob, vector: Float32Array, model: string, from?: string }} Example
 * `model` says which weights the vector comes from, `from` which phone the picture
 * @typedef {import("./head.js").Head} Head
 */

const VERSION = 1;
/** A database that says nothing for so long never will: some private windows do. */
const OPEN_MS = 5_000;

/** @typedef {{ state: IDBObjectStore, examples: IDBObjectStore }} Stores */
/** @typedef {{ bytes: ArrayBuffer, type: string }} Packed a picture: WebKit keeps no Blobs in private windows */

export class Store {
  /** Undefined where nothing outlasts the visit. @type {IDBDatabase | undefined} */
  #database;
  /** Whether no more is kept; what was can still be deleted. */
  #full = false;
  /** Ids of what is not kept. */
  #next = -1;
  /** Told when it turns out that no more can be kept. @type {(() => void) | undefined} */
  onLost;
  /** Told when something could not be deleted, and is there again after a reload. @type {(() => void) | undefined} */
  onNotDeleted;

  /** @param {IDBDatabase} [database] */
  constructor(database) {
    this.#database = database;
  }

  /** @param {string} name one database for each bundle's address */
  static async open(name) {
    try {
      const opening = indexedDB.open(name, VERSION);
      opening.onupgradeneeded = () => {
        opening.result.createObjectStore("examples", { keyPath: "id", autoIncrement: true });
        opening.result.createObjectStore("state");
      };
      const late = new Promise((_, reject) => setTimeout(reject, OPEN_MS));
      return new Store(await Promise.race([settled(opening), late]));
    } catch {
      return new Store();
    }
  }

  /** Whether a reload finds what was taught. */
  get lasting() {
    return this.#database !== undefined && !this.#full;
  }

  /** @returns {Promise<{ classes: Class[] | undefined, head: Head | undefined, title: string | undefined, examples: Example[] }>} */
  async read() {
    const nothing = { classes: undefined, head: undefined, title: undefined, examples: [] };
    return this.#ask(nothing, "readonly", async ({ state, examples }) => {
      const found = [settled(state.get("classes")), settled(state.get("head")), settled(state.get("title"))];
      const [all, classes, head, title] = await Promise.all([settled(examples.getAll()), ...found]);
      return { classes, head, title, examples: all.map(unpacked) };
    });
  }

  /** @param {Class[]} classes */
  async keepClasses(classes) {
    await this.#ask(undefined, "readwrite", ({ state }) => settled(state.put(classes, "classes")));
  }

  /** What the page will be called, before there is a head that says so. @param {string} title */
  async keepTitle(title) {
    await this.#ask(undefined, "readwrite", ({ state }) => settled(state.put(title, "title")));
  }

  /** @param {Head | undefined} head */
  async keepHead(head) {
    await this.#ask(undefined, "readwrite", ({ state }) =>
      settled(/** @type {IDBRequest<unknown>} */ (head ? state.put(head, "head") : state.delete("head"))),
    );
  }

  /**
   * @param {Omit<Example, "id"> & { id?: number }} example replaces the one with its id
   * @returns {Promise<number>} its id
   */
  async keep(example) {
    const { picture } = example;
    /** @type {Packed} */
    const packed = { bytes: await picture.arrayBuffer(), type: picture.type };
    return this.#ask(example.id ?? this.#next--, "readwrite", async ({ examples }) =>
      Number(await settled(examples.put({ ...example, picture: packed }))),
    );
  }

  /** @param {number[]} ids */
  async drop(ids) {
    await this.#delete(({ examples }) => Promise.all(ids.map((id) => settled(examples.delete(id)))));
  }

  /** Deletes everything, whoever kept it: another tab may have. */
  async clear() {
    await this.#delete(({ examples, state }) => Promise.all([settled(examples.clear()), settled(state.clear())]));
  }

  /** What is to be gone and is not, is said. @param {(stores: Stores) => Promise<unknown>} use */
  async #delete(use) {
    if (!this.#database) return;
    try {
      await within(this.#database, "readwrite", use);
    } catch {
      this.onNotDeleted?.();
    }
  }

  /**
   * From the first failure on nothing is kept, and the visit goes on: a full disk takes nobody's pictures away.
   * @template T
   * @param {T} otherwise
   * @param {IDBTransactionMode} mode
   * @param {(stores: Stores) => Promise<any>} use
   * @returns {Promise<T>}
   */
  async #ask(otherwise, mode, use) {
    if (!this.#database || this.#full) return otherwise;
    try {
      return await within(this.#database, mode, use);
    } catch {
      this.#full = true;
      this.onLost?.();
      return otherwise;
    }
  }
}

/**
 * @template T
 * @param {IDBDatabase} database
 * @param {IDBTransactionMode} mode
 * @param {(stores: Stores) => Promise<T>} use
 * @returns {Promise<T>} once it is kept: a disk may turn out to be full after every request was answered
 */
async function within(database, mode, use) {
  const transaction = database.transaction(["state", "examples"], mode);
  const kept = new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = () => reject(transaction.error);
  });
  const stores = { state: transaction.objectStore("state"), examples: transaction.objectStore("examples") };
  const [found] = await Promise.all([use(stores), kept]);
  return found;
}

/** @param {Omit<Example, "picture"> & { picture: Packed | Blob }} kept Blobs are of earlier versions @returns {Example} */
function unpacked({ picture, ...example }) {
  if (picture instanceof Blob) return { ...example, picture };
  return { ...example, picture: new Blob([picture.bytes], { type: picture.type }) };
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
