// What is being taught: classes, their examples, and the head that was trained on them.
import { toBitmap } from "../input/bitmap.js";
import { refuseAltered } from "../input/keeps_pixels.js";
import { readPictureFile } from "../input/picture_file.js";
import { decodePng, isDecodedHere } from "../input/png.js";
import { Store } from "./store.js";

/**
 * @typedef {import("../api/pagesight.js").Classifier} Classifier
 * @typedef {import("./store.js").Class} Class
 * @typedef {import("./store.js").Example} Example
 * @typedef {import("./head.js").Head} Head
 * @typedef {import("./helper.js").Helper} Helper
 */

/** A larger picture is kept smaller: what the model sees of it has a fraction of this side. */
const MOST_SIDE = 640;
const MOST_BYTES = 300_000;

export class TeachingSession {
  #classifier;
  #store;
  #model;
  /** @type {Class[]} */
  classes = [];
  /** @type {Example[]} in the order in which they came */
  examples = [];
  /** @type {Head | undefined} */
  head;
  /** What the page is called, where someone has named it. @type {string | undefined} */
  title;
  /** Raised where another head takes over: what is being trained then is not wanted any more. */
  #lesson = 0;

  /**
   * @param {Classifier} classifier
   * @param {Store} store
   */
  constructor(classifier, store) {
    this.#classifier = classifier;
    this.#store = store;
    this.#model = weightsOf(classifier.contract);
  }

  /**
   * Takes up what was kept before; examples that other weights described are described again.
   * @param {Classifier} classifier
   * @param {string} base address of the bundle's folder
   */
  static async open(classifier, base) {
    const store = await Store.open(`pagesight-teach:${base}${classifier.contract.name}`);
    const session = new TeachingSession(classifier, store);
    const { classes, head, title, examples } = await store.read();
    session.classes = classes ?? [];
    // Another tab may have written classes that this one had not heard of.
    const known = examples.filter(({ classId }) => session.classes.some(({ id }) => id === classId));
    const stale = known.filter(({ model }) => model !== session.#model);
    /** @type {Set<Example>} */
    const lost = new Set();
    for (const example of stale) if (!(await session.#extractFeatures(example))) lost.add(example);
    session.examples = known.filter((example) => !lost.has(example));
    if (!stale.length && head?.model === session.#model) session.head = head;
    if (lost.size) await store.drop([...lost].map(({ id }) => id));
    session.title = session.head ? session.head.title : title;
    return session;
  }

  /** @param {string} name @returns {Promise<Class>} */
  async addClass(name) {
    const added = { id: crypto.getRandomValues(new Uint32Array(2)).join("-"), name };
    this.classes.push(added);
    await this.#store.keepClasses(this.classes);
    return added;
  }

  /** @param {Class} one @param {string} name */
  async rename(one, name) {
    one.name = name;
    await this.#store.keepClasses(this.classes);
  }

  /** @param {Class} one */
  async removeClass(one) {
    const gone = this.of(one);
    this.classes = this.classes.filter((other) => other !== one);
    this.examples = this.examples.filter((example) => !gone.includes(example));
    await this.#store.keepClasses(this.classes);
    await this.#store.drop(gone.map(({ id }) => id));
  }

  /** @param {Class} one @returns {Example[]} */
  of(one) {
    return this.examples.filter(({ classId }) => classId === one.id);
  }

  /**
   * @param {Class} one
   * @param {Blob} picture
   * @param {{ once?: boolean, from?: string }} [options] once: not where the class has the same picture already; from: the phone
   * that it was recorded with
   * @returns {Promise<Example | undefined>} undefined where it has
   * @throws {import("../errors.js").PagesightError} with code picture, when it is none
   */
  async add(one, picture, { once = false, from } = {}) {
    const kept = await small(picture);
    // Of what is kept: the same file gives the same vector when it comes back.
    const { vector } = await this.#classifier.extractFeatures(kept);
    if (once && this.of(one).some((example) => isSame(example.vector, vector))) return undefined;
    const example = { classId: one.id, picture: kept, vector, model: this.#model, ...(from && { from }) };
    const added = { ...example, id: await this.#store.keep(example) };
    // The class may have been removed while the picture was looked at.
    if (this.classes.includes(one)) this.examples.push(added);
    else await this.#store.drop([added.id]);
    return added;
  }

  /** @param {Example[]} examples */
  async remove(examples) {
    const gone = new Set(examples);
    this.examples = this.examples.filter((example) => !gone.has(example));
    await this.#store.drop(examples.map(({ id }) => id));
  }

  /** @param {string} phone @returns {Example[]} */
  from(phone) {
    return this.examples.filter(({ from }) => from === phone);
  }

  /** @returns {Map<string, number>} how many pictures came from each phone */
  counts() {
    /** @type {Map<string, number>} */
    const counts = new Map();
    for (const { from } of this.examples) if (from) counts.set(from, (counts.get(from) ?? 0) + 1);
    return counts;
  }

  /** Classes that have examples: the others are not learned. */
  get taught() {
    return this.classes.filter((one) => this.examples.some(({ classId }) => classId === one.id));
  }

  /**
   * @param {Helper} helper
   * @param {import("./helper.js").OnProgress} onProgress
   * @returns {Promise<{ head: Head, loss: number } | undefined>} when the new head is in use and kept; undefined where everything
   * was deleted meanwhile, or another head was opened
   */
  async train(helper, onProgress) {
    const lesson = this.#lesson;
    const classes = this.taught;
    const column = new Map(classes.map(({ id }, i) => [id, i]));
    const examples = this.examples.filter(({ classId }) => column.has(classId));
    const width = examples[0].vector.length;
    const vectors = new Float32Array(examples.length * width);
    examples.forEach(({ vector }, i) => vectors.set(vector, i * width));
    const targets = Uint16Array.from(examples, ({ classId }) => column.get(classId) ?? 0);
    const job = { vectors, targets, classes: classes.length };
    const { kernel, bias, answers, temperature, loss, ...measured } = await helper.train(job, onProgress);
    if (lesson !== this.#lesson) return undefined;
    const labels = classes.map(({ name }) => name);
    // How sure it may be is in the head, which stays one matrix product.
    const cooler = (/** @type {Float32Array} */ weights) => weights.map((weight) => weight / temperature);
    const wrong = examples.flatMap(({ id }, i) =>
      answers[i] < 0 || answers[i] === targets[i] ? [] : [[id, labels[answers[i]]]],
    );
    const misread = Object.fromEntries(wrong);
    const head = {
      ...measured,
      kernel: cooler(kernel),
      bias: cooler(bias),
      labels,
      misread,
      title: this.title,
      model: this.#model,
    };
    await this.use(head);
    return { head, loss };
  }

  /** @param {Head} head */
  async use(head) {
    this.#lesson++;
    this.head = head;
    this.title = head.title;
    await this.#store.keepHead(head);
  }

  /** @param {string} title '' for what it would be called anyway */
  async setTitle(title) {
    this.title = title;
    if (!this.head) return this.#store.keepTitle(title);
    this.head = { ...this.head, title };
    await this.#store.keepHead(this.head);
  }

  /** Deletes everything, also what another tab has kept. */
  async clear() {
    this.#lesson++;
    this.classes = [];
    this.examples = [];
    this.head = undefined;
    this.title = undefined;
    await this.#store.clear();
  }

  /** @param {import("../loading/contract.js").Contract} contract of any bundle */
  weightsOf(contract) {
    return weightsOf(contract);
  }

  /**
   * @param {(lasting: boolean) => void} show told now, and when it changes, whether a reload finds what is taught
   * @param {() => void} onNotDeleted a reload finds what was to be deleted
   */
  watchStore(show, onNotDeleted) {
    this.#store.onLost = () => show(false);
    this.#store.onNotDeleted = onNotDeleted;
    show(this.#store.lasting);
  }

  /** @returns {Promise<number>} d: how many numbers describe a picture */
  async vectorLength() {
    const [example] = this.examples;
    const { vector } = example ?? (await this.#classifier.extractFeatures(new ImageData(1, 1)));
    return vector.length;
  }

  /** Which weights describe pictures: a head fits these alone. */
  get model() {
    return this.#model;
  }

  /** @param {Example} example @returns {Promise<boolean>} false where its picture can no longer be read */
  async #extractFeatures(example) {
    try {
      const { vector } = await this.#classifier.extractFeatures(example.picture);
      Object.assign(example, { vector, model: this.#model });
    } catch (error) {
      if (/** @type {{ code?: string }} */ (error).code === "picture") return false;
      throw error;
    }
    await this.#store.keep(example);
    return true;
  }
}

/**
 * @param {import("../loading/contract.js").Contract} contract
 * @returns {string} the hashes of the weights' files; a head added on top has its own
 */
function weightsOf({ files, model }) {
  const folder = model.path.replace(/[^/]*$/, "");
  const weights = Object.keys(files).filter((path) => path.startsWith(folder) && /(?<!taught-head)\.bin$/.test(path));
  return weights
    .sort()
    .map((path) => files[path].sha256)
    .join(" ");
}

/** @param {Float32Array} a @param {Float32Array} b */
const isSame = (a, b) => a.length === b.length && a.every((value, i) => value === b[i]);

/** @param {import("../input/png_file.js").Png} png @returns {Promise<ImageBitmap | undefined>} undefined where it is damaged */
async function pngBitmap(png) {
  try {
    const { data, width, height } = await decodePng(png);
    return await createImageBitmap(new ImageData(data, width, height), { premultiplyAlpha: "none" });
  } catch {
    return undefined;
  }
}

/**
 * @param {Blob} picture
 * @param {number} [most] bytes of one that is left as it is
 * @returns {Promise<Blob>}
 * @throws {import("../errors.js").PagesightError} with code picture, when it is none, or altered-pictures
 */
export async function small(picture, most = MOST_BYTES) {
  if (picture.size <= most) return picture;
  refuseAltered();
  // As it is recognized: without its color profile, turned by the same EXIF, and on white where it is clear.
  const { bytes, png } = readPictureFile(new Uint8Array(await picture.arrayBuffer()));
  const bitmap = (png && isDecodedHere(png) && (await pngBitmap(png))) || (await toBitmap(bytes));
  const scale = Math.min(1, MOST_SIDE / Math.min(bitmap.width, bitmap.height));
  const canvas = new OffscreenCanvas(Math.round(bitmap.width * scale), Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser gives no canvas");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
}
