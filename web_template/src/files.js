// Files of a bundle: fetched once, and not used before their sha256 is the published one.
import { PagesightError } from "./errors.js";
import { sha256 } from "./sha256.js";

/**
 * @typedef {{ bytes: number, sha256: string }} Published
 * @typedef {Record<string, Published>} PublishedFiles
 */

/**
 * @param {string} base address of the bundle's folder, ending in '/'
 * @param {string} path relative to it
 * @param {string} [expected] sha256, hexadecimal; without it the bytes are taken as they come
 * @returns {Promise<ArrayBuffer>}
 */
export async function fetchFile(base, path, expected) {
  let bytes = await fetchBytes(base, path);
  if (expected && (await sha256(bytes)) !== expected) {
    // A cache may hold the file of an earlier version: ask the server itself before calling it a forgery.
    bytes = await fetchBytes(base, path, "reload");
    if ((await sha256(bytes)) !== expected) {
      throw new PagesightError("tampered", `${path} is not the file that was published`, path);
    }
  }
  return bytes;
}

/**
 * @param {string} base
 * @param {PublishedFiles} files from contract.json
 * @param {string} path
 */
export function fetchPublished(base, files, path) {
  const published = files[path];
  if (!published) throw new PagesightError("contract", `contract.json does not list ${path}`, path);
  return fetchFile(base, path, published.sha256);
}

/**
 * @param {string} base
 * @param {string} path
 * @param {RequestCache} [cache]
 */
async function fetchBytes(base, path, cache = "default") {
  try {
    const response = await fetch(new URL(path, base), { cache });
    if (response.ok) return await response.arrayBuffer();
    throw new PagesightError(
      "unreachable",
      `${path} could not be loaded: the server answered ${response.status}`,
      path,
    );
  } catch (error) {
    if (error instanceof PagesightError) throw error;
    throw new PagesightError("unreachable", `${path} could not be loaded: the server did not answer`, path);
  }
}
