// Classes, examples and the head, kept in IndexedDB: a reload loses nothing, and nothing leaves the machine.

/**
 * @typedef {{ id: string, name: string }} Class
 * @typedef {{ id: number, classId: string, picture: Blob, vector: Float32Array, model: string }} Example
 * `model` says which weights the vector comes from
 * @typedef {import("./head.js").Head} Head
 */

const VERSION = 1;

export class Store {
  #database;

  /** @param {IDBDatabase} database */
  constructor(database) {
    this.#database = database;
  }

  /** @param {string} name one database for each bundle's address */
  static async open(name) {
    const opening = indexedDB.open(name, VERSION);
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore("examples", { keyPath: "id", autoIncrement: true });
      opening.result.createObjectStore("state");
    };
    return new Store(await settled(opening));
  }

  /** @returns {Promise<{ classes: Class[] | undefined, head: Head | undefined, examples: Example[] }>} */
  async read() {
    const [state, examples] = [this.#of("state", "readonly"), this.#of("examples", "readonly")];
    const found = [settled(state.get("classes")), settled(state.get("head")), settled(examples.getAll())];
    const [classes, head, all] = await Promise.all(found);
    return { classes, head, examples: all };
  }

  /** @param {Class[]} classes */
  async keepClasses(classes) {
    await settled(this.#of("state", "readwrite").put(classes, "classes"));
  }

  /** @param {Head | undefined} head */
  async keepHead(head) {
    const state = this.#of("state", "readwrite");
    await settled(/** @type {IDBRequest<unknown>} */ (head ? state.put(head, "head") : state.delete("head")));
  }

  /**
   * @param {Omit<Example, "id"> & { id?: number }} example replaces the one with its id
   * @returns {Promise<number>} its id
   */
  async keep(example) {
    return Number(await settled(this.#of("examples", "readwrite").put(example)));
  }

  /** @param {number[]} ids */
  async drop(ids) {
    const examples = this.#of("examples", "readwrite");
    await Promise.all(ids.map((id) => settled(examples.delete(id))));
  }

  /** @param {"state" | "examples"} name @param {IDBTransactionMode} mode */
  #of(name, mode) {
    return this.#database.transaction(name, mode).objectStore(name);
  }
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
