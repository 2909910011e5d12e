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

/** @typedef {{ bytes: ArrayBuffer, type: string }} Packed a picture: WebKit keeps no Blobs in private windows */

export class Store {
  /** Undefined where nothing outlasts the visit. @type {IDBDatabase | undefined} */
  #database;
  /** Ids of what is not kept. */
  #next = -1;
  /** Told when it turns out that no more can be kept. @type {(() => void) | undefined} */
  onLost;

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
    return this.#database !== undefined;
  }

  /** @returns {Promise<{ classes: Class[] | undefined, head: Head | undefined, examples: Example[] }>} */
  async read() {
    const nothing = { classes: undefined, head: undefined, examples: [] };
    return this.#ask(nothing, async (database) => {
      const [state, examples] = [storeOf(database, "state", "readonly"), storeOf(database, "examples", "readonly")];
      const found = [settled(state.get("classes")), settled(state.get("head")), settled(examples.getAll())];
      const [classes, head, all] = await Promise.all(found);
      return { classes, head, examples: all.map(unpacked) };
    });
  }

  /** @param {Class[]} classes */
  async keepClasses(classes) {
    await this.#ask(undefined, (database) => settled(storeOf(database, "state", "readwrite").put(classes, "classes")));
  }

  /** @param {Head | undefined} head */
  async keepHead(head) {
    await this.#ask(undefined, (database) => {
      const state = storeOf(database, "state", "readwrite");
      return settled(/** @type {IDBRequest<unknown>} */ (head ? state.put(head, "head") : state.delete("head")));
    });
  }

  /**
   * @param {Omit<Example, "id"> & { id?: number }} example replaces the one with its id
   * @returns {Promise<number>} its id
   */
  async keep(example) {
    const { picture } = example;
    /** @type {Packed} */
    const packed = { bytes: await picture.arrayBuffer(), type: picture.type };
    return this.#ask(example.id ?? this.#next--, async (database) =>
      Number(await settled(storeOf(database, "examples", "readwrite").put({ ...example, picture: packed }))),
    );
  }

  /** @param {number[]} ids */
  async drop(ids) {
    await this.#ask(undefined, (database) => {
      const examples = storeOf(database, "examples", "readwrite");
      return Promise.all(ids.map((id) => settled(examples.delete(id))));
    });
  }

  /**
   * From the first failure on nothing is kept, and the visit goes on: a full disk takes nobody's pictures away.
   * @template T
   * @param {T} otherwise
   * @param {(database: IDBDatabase) => Promise<any>} use
   * @returns {Promise<T>}
   */
  async #ask(otherwise, use) {
    if (!this.#database) return otherwise;
    try {
      return await use(this.#database);
    } catch {
      this.#database = undefined;
      this.onLost?.();
      return otherwise;
    }
  }
}

/** @param {IDBDatabase} database @param {"state" | "examples"} name @param {IDBTransactionMode} mode */
const storeOf = (database, name, mode) => database.transaction(name, mode).objectStore(name);

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
