// Files of a bundle: fetched or already in hand, and not used before their sha256 is the published one.
import { PagesightError } from "../errors.js";
import { sha256 } from "./sha256.js";

/**
 * @typedef {{ bytes: number, sha256: string }} Published
 * @typedef {Record<string, Published>} PublishedFiles
 * @typedef {Record<string, Blob | string>} Places by path in the bundle: the file itself, or its address
 */

/** Files that lie elsewhere than under their bundle's address, by the address they would have. @type {Map<string, Blob | string>} */
const elsewhere = new Map();
/** Files that are as whole as the page is that brought them. @type {WeakSet<Blob>} */
const ofThePage = new WeakSet();

/** What is being fetched before it is known what it must be, by address. @type {Map<string, Promise<Arrived>>} */
const ahead = new Map();

/** @typedef {{ bytes: ArrayBuffer, sha256: string }} Arrived */

/**
 * Starts fetching a file that fetchFile() will be asked for.
 * @param {string} base
 * @param {string} path
 * @param {AbortSignal} [signal]
 */
export function fetchAhead(base, path, signal) {
  const where = whereIs(base, path);
  if (where instanceof Blob || ahead.has(where)) return;
  const arrived = fetchBytes(where, path, { signal }).then(sealed);
  ahead.set(where, arrived);
  // Whoever asks for the file is told; a later try asks anew.
  arrived.catch(() => {
    if (ahead.get(where) === arrived) ahead.delete(where);
  });
}

/**
 * From now on these files are taken from where they are: a page that carries them in itself, or a package whose files
 * a bundler moved and renamed.
 * @param {string} base address of the bundle's folder, ending in '/'
 * @param {Places} places
 * @param {{ whole?: boolean }} [options] whole: they lie in the page itself, and need no check
 */
export function place(base, places, { whole = false } = {}) {
  for (const [path, where] of Object.entries(places)) {
    if (whole && where instanceof Blob) ofThePage.add(where);
    elsewhere.set(new URL(path, base).href, where instanceof Blob ? where : new URL(where, rootOf(base)).href);
  }
}

/**
 * Some bundlers leave a module the address that it had on the developer's disk, and name its files from the site's root.
 * @param {string} base
 */
function rootOf(base) {
  const site = globalThis.document?.baseURI ?? globalThis.location?.href ?? base;
  return base.startsWith("file:") && !site.startsWith("file:") ? site : base;
}

/**
 * @param {string} base
 * @param {string} path
 * @returns {Blob | string} the file, or the address where it lies
 */
export function whereIs(base, path) {
  const { href } = new URL(path, base);
  return elsewhere.get(href) ?? href;
}

/**
 * @param {string} base address of the bundle's folder, ending in '/'
 * @param {string} path relative to it
 * @param {string} [expected] sha256, hexadecimal; without it the bytes are taken as they come
 * @param {AbortSignal} [signal]
 * @returns {Promise<ArrayBuffer>}
 */
export async function fetchFile(base, path, expected, signal) {
  const where = whereIs(base, path);
  if (where instanceof Blob) {
    const bytes = await where.arrayBuffer();
    if (!expected || ofThePage.has(where) || (await sha256(bytes)) === expected) return bytes;
    throw notPublished(path);
  }
  const anew = (/** @type {RequestCache} */ cache = "default") =>
    fetchBytes(where, path, { cache, signal }).then(sealed);
  const begun = ahead.get(where)?.catch((error) => {
    // Whoever began it gave up.
    if (error instanceof PagesightError) throw error;
    return anew();
  });
  ahead.delete(where);
  let arrived = await (begun ?? anew());
  if (expected && arrived.sha256 !== expected) {
    // A cache may hold the file of an earlier version: ask the server itself before calling it a forgery.
    arrived = await anew("reload");
    if (arrived.sha256 !== expected) {
      throw notPublished(path);
    }
  }
  return arrived.bytes;
}

/** @param {string} path */
const notPublished = (path) => new PagesightError("tampered", `${path} is not the file that was published`, path);

/** @param {ArrayBuffer} bytes @returns {Promise<Arrived>} */
const sealed = async (bytes) => ({ bytes, sha256: await sha256(bytes) });

/**
 * @param {string} base
 * @param {PublishedFiles} files from contract.json
 * @param {string} path
 * @param {AbortSignal} [signal]
 */
export function fetchPublished(base, files, path, signal) {
  const published = files[path];
  if (!published) throw new PagesightError("contract", `contract.json does not list ${path}`, path);
  return fetchFile(base, path, published.sha256, signal);
}

/**
 * @param {string} address
 * @param {string} path for messages
 * @param {RequestInit} how
 */
async function fetchBytes(address, path, how) {
  try {
    const response = await fetch(address, how);
    if (response.ok) return await response.arrayBuffer();
    throw new PagesightError(
      "unreachable",
      `${path} could not be loaded: the server answered ${response.status}`,
      path,
    );
  } catch (error) {
    if (error instanceof PagesightError || how.signal?.aborted) throw error;
    throw new PagesightError("unreachable", `${path} could not be loaded: the server did not answer`, path);
  }
}
