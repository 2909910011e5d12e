// Functions that Python runs in a page; each is taken out of this script by its name, so nothing outside of one is kept.

/**
 * @typedef {import("../../../web_template/src/api/pagesight.js").Classifier} Classifier
 * @typedef {{ probabilities: number[], square: number[] | null, backend: string }} Answer
 */

/**
 * @param {Classifier} classifier
 * @param {File} file
 * @param {string} expected SHA-256, in hex, of the pixels that the model should see: they are given back where they are others
 * @returns {Promise<Answer>}
 */
async function answerTo(classifier, file, expected) {
  const [square, prediction] = [await classifier.square(file), await classifier.predict(file)];
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", square.data));
  const same = Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("") === expected;
  return {
    probabilities: Array.from(prediction.probabilities),
    square: same ? null : Array.from(square.data),
    backend: classifier.backend,
  };
}

/** @returns {typeof globalThis & { classifier?: Promise<Classifier>, asked?: Promise<Classifier> }} what calls leave for later ones */
const kept = () => globalThis;

/** @returns {Promise<Classifier>} of the bundle that this page belongs to, by its public module */
async function loadBeside() {
  const base = document.baseURI;
  const module = await import(new URL("pagesight.js", base).href);
  return module.load(new URL("./", base).href);
}

/**
 * @param {[paths: string[], expected: string[], alone: boolean]} question where the files lie; `alone` drops the page's own
 *   classifier first
 * @returns {Promise<Answer[]>}
 */
async function askModule([paths, expected, alone]) {
  kept().asked ??= Promise.resolve(alone ? kept().classifier : undefined)
    .then((own) => own?.dispose())
    .then(loadBeside);
  const classifier = /** @type {Classifier} */ (await kept().asked);
  const answers = [];
  for (const [i, path] of paths.entries()) {
    const file = new File([await (await fetch(new URL(path, document.baseURI))).blob()], "picture");
    answers.push(await answerTo(classifier, file, expected[i]));
  }
  return answers;
}

/** The page tells when its model is loaded, and again to whoever asks later. */
function keepClassifier() {
  const classifier = new Promise((resolve, reject) => {
    document.addEventListener("pagesight-ready", (event) => resolve(/** @type {CustomEvent} */ (event).detail));
    document.addEventListener("pagesight-failure", (event) => reject(/** @type {CustomEvent} */ (event).detail));
    setTimeout(reject, 120_000, new Error("the page did not load its model"));
    const root = document.documentElement;
    const refuse = () => root.classList.contains("not-started") && reject(new Error("the page has not started"));
    new MutationObserver(refuse).observe(root, { attributeFilter: ["class"] });
    refuse();
    document.dispatchEvent(new Event("pagesight-ask"));
  });
  classifier.catch(() => {});
  kept().classifier = classifier;
}

/**
 * @param {[files: string[], expected: string[]]} question the files' bytes in base64
 * @returns {Promise<Answer[]>}
 */
async function askPage([files, expected]) {
  const classifier = /** @type {Classifier} */ (await kept().classifier);
  const answers = [];
  for (const [i, file] of files.entries()) {
    const bytes = Uint8Array.from(atob(file), (letter) => letter.charCodeAt(0));
    answers.push(await answerTo(classifier, new File([bytes], "picture"), expected[i]));
  }
  return answers;
}

/**
 * @param {{ side: number, warmUp: number, times: number, atLeast: number, enough: number }} options pixels; answers thrown away, and
 *   timed; how many of these must be, even when they take more than `enough` milliseconds together
 * @returns {Promise<number[]>} milliseconds of each answer to one picture of noise
 */
async function timeAnswers({ side, warmUp, times, atLeast, enough }) {
  const classifier = await loadBeside();
  const picture = new ImageData(side, side);
  // Opaque, as photographs are.
  picture.data.forEach((_, i, pixels) => (pixels[i] = i % 4 === 3 ? 255 : (i * 2654435761) >>> 24));
  const timed = async (/** @type {number} */ most, /** @type {number} */ least) => {
    const took = [];
    for (let sum = 0; took.length < most && (took.length < least || sum < enough); sum += took[took.length - 1]) {
      const begin = performance.now();
      await classifier.predict(picture);
      took.push(performance.now() - begin);
    }
    return took;
  };
  await timed(warmUp, 2);
  return timed(times, atLeast);
}

/** @returns {string[]} addresses of all that the page asked for */
function listRequests() {
  return performance.getEntriesByType("resource").map(({ name }) => name);
}

/**
 * WebDriver's way to wait for an answer.
 * @param {(...values: any[]) => unknown} work
 * @param {any[]} values that it is called with, and behind them the driver's callback
 */
function callForDriver(work, values) {
  const give = values[values.length - 1];
  Promise.resolve()
    .then(() => work(...values.slice(0, -1)))
    .then(
      (value) => give({ value: value ?? null }),
      (error) => give({ error: String(error?.message ?? error) }),
    );
}
