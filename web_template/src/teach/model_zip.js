// The taught model as a bundle: the page's own folder with a new head, new labels and fresh hashes; and back.
import { PagesightError } from "../errors.js";
import { fetchFile } from "../loading/files.js";
import { ASIDE, FOR_GPUS, FOR_HOSTS, OF_THIS_MODEL, ON_DEMAND, PUBLISHED, RUNTIME } from "../loading/bundle_files.js";
import { sha256 } from "../loading/sha256.js";
import { HEAD_FILE, attachHead, readHead } from "./attach_head.js";
import { thresholdOf } from "./head.js";
import { MOST_CLASSES, TOO_MUCH } from "./limits.js";
import { FOLDS } from "./out_of_fold.js";
import { fillPage } from "./page_copy.js";

/**
 * @typedef {import("./archive.js").Files} Files
 * @typedef {import("./head.js").Head} Head
 * @typedef {import("./teaching_session.js").TeachingSession} TeachingSession
 * @typedef {import("../loading/contract.js").Contract} Contract
 * @typedef {Record<string, { bytes: number, sha256: string }>} Listed
 */

/** What makes a page of one file; such a page has it as its own script. */
export const SINGLE = "single.js";
const text = (/** @type {string} */ value) => new TextEncoder().encode(value);
const json = (/** @type {object} */ value) => text(`${JSON.stringify(value, null, 1)}\n`);
const parse = (/** @type {Uint8Array} */ bytes) => JSON.parse(new TextDecoder().decode(bytes));

/**
 * @param {TeachingSession} session with a head
 * @param {Contract} contract
 * @param {string} base address of the bundle's folder
 * @param {string} title of the new page
 * @returns {Promise<Files>} a bundle's folder
 */
export async function bundleFiles(session, contract, base, title) {
  const { head } = session;
  if (!head) throw new Error("train first");
  const files = await ownFiles(base, contract);
  const folder = contract.model.path.replace(/[^/]*$/, "");
  const grafted = attachHead(parse(files[contract.model.path]), contract.outputs, head);
  files[contract.model.path] = json(grafted.model);
  files[folder + HEAD_FILE] = grafted.bytes;
  const ahead = Object.keys(files).filter((path) => path.startsWith(folder));
  // The module names the files that it asks for first.
  const module = new TextDecoder().decode(files["pagesight.js"]);
  files["pagesight.js"] = text(module.replace(/own-files:[^"'`]*/, () => `own-files:${ahead}`));
  const samples = await gallery(session, head, files);
  const { golden: _, also: __, ...kept } = contract;
  const published = await listed(files, (path) => PUBLISHED.test(path));
  files["contract.json"] = json({
    ...kept,
    title,
    labels: head.labels,
    description: "",
    outputs: { ...contract.outputs, probabilities: grafted.probabilities },
    decision: { temperature: 1, threshold: thresholdOf(head) },
    samples: samples.map(({ path, label }) => ({ path, label })),
    files: published,
  });
  const contractSha256 = await sha256(files["contract.json"]);
  const moduleSha256 = published["pagesight.js"].sha256;
  const page = { title, labels: head.labels, samples, contractSha256, moduleSha256, ahead };
  files["index.html"] = text(fillPage(new TextDecoder().decode(files["index.html"]), page));
  if (files["manifest.webmanifest"]) {
    const app = parse(files["manifest.webmanifest"]);
    files["manifest.webmanifest"] = json({ ...app, name: title, short_name: title, description: "" });
  }
  const { "report.json": old, ...others } = files;
  if (old) files["report.json"] = json({ ...report(parse(old), head), bytes: await sizes(others, folder) });
  const key = { made_in: "the page", weights: session.model };
  const all = await listed(files, () => true);
  files["manifest.json"] = json({ format: 1, made_by: "pagesight", stage: "bundle", key, files: all });
  return files;
}

/**
 * @param {Files} files of a bundle that was taught on the same weights
 * @param {TeachingSession} session
 * @param {Contract} contract
 * @returns {Promise<Head | undefined>} undefined where the bundle was not taught, stands on other weights, or is damaged
 * @throws an Error that says TOO_MUCH, where it has more classes than a page takes
 */
export async function readBundle(files, session, contract) {
  const at = Object.keys(files).find((path) => /(^|\/)contract\.json$/.test(path));
  if (!at) return undefined;
  const root = at.replace(/contract\.json$/, "");
  /** @type {Contract} */
  const theirs = parse(files[at]);
  const folder = root + theirs.model.path.replace(/[^/]*$/, "");
  const bytes = files[folder + HEAD_FILE];
  const weights = session.weightsOf(theirs);
  if (!bytes || weights !== session.model || theirs.input.side !== contract.input.side) return undefined;
  const found = readHead(parse(files[root + theirs.model.path]), bytes);
  const { labels, title } = theirs;
  if (!found || !Array.isArray(labels) || labels.some((label) => typeof label !== "string")) return undefined;
  if (labels.length > MOST_CLASSES) throw new Error(TOO_MUCH);
  const { kernel, bias } = found;
  if (bias.length !== labels.length || kernel.length !== bias.length * (await session.vectorLength())) return undefined;
  return { ...found, labels, title, model: session.model, heldOut: { asked: 0, right: 0 }, examples: 0 };
}

/**
 * Every file of the folder that the page came from, each checked.
 * @param {string} base
 * @param {Contract} contract
 * @returns {Promise<Files>}
 */
async function ownFiles(base, contract) {
  /** @type {{ files: Listed }} */
  const manifest = parse(new Uint8Array(await fetchFile(base, "manifest.json")));
  // The folder may have been published anew while somebody was teaching: a head fits the weights that it was trained on alone.
  for (const [path, { sha256: published }] of Object.entries(contract.files)) {
    const now = manifest.files[path]?.sha256 ?? published;
    if (now !== published) throw new PagesightError("tampered", `${path} was published anew meanwhile`, path);
  }
  const wanted = Object.entries(manifest.files).filter(([path]) => !OF_THIS_MODEL.test(path));
  const found = await Promise.all(
    wanted.map(([path, published]) =>
      fetchFile(base, encodeURI(path), published.sha256).catch((error) => {
        // A copy works without: hosts may not give out theirs, and the others may not have been kept for offline use.
        if (FOR_HOSTS.test(path) || ON_DEMAND.test(path)) return undefined;
        throw error;
      }),
    ),
  );
  /** @type {Files} */
  const files = {};
  found.forEach((bytes, i) => {
    if (bytes) files[wanted[i][0]] = new Uint8Array(bytes);
  });
  const inside = document.querySelector("html[data-single] script[type=module]:not([src])")?.textContent;
  if (inside) files[SINGLE] ??= text(inside);
  return files;
}

/**
 * One example of each class, for the new page to try.
 * @param {TeachingSession} session
 * @param {Head} head
 * @param {Files} files where the pictures are put
 */
async function gallery(session, head, files) {
  /** @type {import("./page_copy.js").NewPage["samples"]} */
  const samples = [];
  for (const label of head.labels) {
    const one = session.classes.find(({ name }) => name === label);
    const example = one && session.of(one)[0];
    if (!example) continue;
    const path = `samples/${String(samples.length).padStart(2, "0")}.${extension(example.picture)}`;
    files[path] = new Uint8Array(await example.picture.arrayBuffer());
    samples.push({ path, label, sha256: await sha256(files[path]) });
  }
  return samples;
}

/** @param {Blob} picture */
export const extension = ({ type }) =>
  ({ "image/png": "png", "image/webp": "webp", "image/gif": "gif", "image/bmp": "bmp", "image/avif": "avif" })[type] ??
  "jpg";

/**
 * @param {Files} files
 * @param {(path: string) => boolean} wanted
 * @returns {Promise<Listed>}
 */
async function listed(files, wanted) {
  const paths = Object.keys(files).filter(wanted).sort();
  const rows = paths.map(async (path) => [path, { bytes: files[path].byteLength, sha256: await sha256(files[path]) }]);
  return Object.fromEntries(await Promise.all(rows));
}

/**
 * What was measured in the page; what was not is null.
 * @param {Record<string, unknown> & { quantization?: object | null }} old
 * @param {Head} head
 */
function report(old, { labels, heldOut: { asked, right }, examples }) {
  return {
    ...old,
    // It is another network now than the one that it was compared with.
    original: undefined,
    dataset: { pictures: examples, classes: labels.length, skipped: 0, split: "random" },
    accuracy: {
      n: asked || null,
      float: null,
      exported: asked ? right / asked : null,
      interval95: asked ? wilson(right, asked) : null,
      folds: asked ? FOLDS : null,
    },
    quantization: old.quantization && { ...old.quantization, top1_agreement: null },
    parity: null,
  };
}

/**
 * Bytes by kind, and the sum of every file's gzip; what a visit does not fetch is left aside, as in every bundle's report.
 * @param {Files} files
 * @param {string} folder of the model
 */
async function sizes(files, folder) {
  const found = { page: 0, runtime: 0, model: 0, total: 0, total_gzip: 0, gpu_gzip: 0 };
  for (const [path, bytes] of Object.entries(files)) {
    if (ASIDE.test(path)) continue;
    const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
    const { byteLength } = await new Response(packed).arrayBuffer();
    if (FOR_GPUS.test(path)) {
      found.gpu_gzip += byteLength;
      continue;
    }
    const kind = path.startsWith(folder) ? "model" : RUNTIME.test(path) ? "runtime" : "page";
    found[kind] += bytes.byteLength;
    found.total += bytes.byteLength;
    found.total_gzip += byteLength;
  }
  return found;
}

/**
 * Wilson's score interval at 95 %.
 * @param {number} right
 * @param {number} asked
 * @returns {[number, number]}
 */
function wilson(right, asked) {
  const z2 = 1.96 ** 2;
  const center = (right + z2 / 2) / (asked + z2);
  const reach = (1.96 / (asked + z2)) * Math.sqrt((right * (asked - right)) / asked + z2 / 4);
  return [right === 0 ? 0 : center - reach, right === asked ? 1 : center + reach];
}
