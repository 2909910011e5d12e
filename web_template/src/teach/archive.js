// Zips of files in memory, the same bytes for the same files.
import { unzipSync, zipSync } from "fflate";
import { ANY_RATIO_BYTES, MOST_BYTES, MOST_FILES, MOST_RATIO, TOO_MUCH } from "./limits.js";
import { meantName } from "./zip_names.js";

/** @typedef {Record<string, Uint8Array<ArrayBuffer>>} Files bytes by path, with '/' between folders */

/** The first moment that a zip can name: no clock in what is written. */
const NO_DATE = "1980-01-01";
const PACKED_ALREADY = /\.(jpe?g|png|webp|gif|avif)$/i;
const LEFT_OUT = /(^|[/\\])(\.[^/\\.]|__MACOSX[/\\])|[/\\]$/;

/**
 * @param {Files} files
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function zip(files) {
  const entries = Object.keys(files)
    .sort()
    .map((path) => [path, [files[path], { level: PACKED_ALREADY.test(path) ? 0 : 6 }]]);
  return new Uint8Array(zipSync(Object.fromEntries(entries), { mtime: `${NO_DATE}T00:00:00` }));
}

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @returns {Files} without folders, hidden files and what macOS adds
 * @throws an Error that says TOO_MUCH, before more than that is held
 */
export function unzip(bytes) {
  const room = Math.min(MOST_BYTES, ANY_RATIO_BYTES + MOST_RATIO * bytes.length);
  let [count, sum] = [0, 0];
  const found = unzipSync(bytes, {
    // An entry is given as much memory as it says, and no more; many may share the same bytes.
    filter({ name, size, originalSize }) {
      if (LEFT_OUT.test(name)) return false;
      sum += Math.max(size, originalSize);
      if (++count > MOST_FILES || sum > room) throw new Error(TOO_MUCH);
      return true;
    },
  });
  /** @type {Map<string, Uint8Array<ArrayBuffer>>} */
  const files = new Map();
  for (const [path, data] of Object.entries(found)) files.set(unlike(meantName(path), files), new Uint8Array(data));
  return Object.fromEntries(files);
}

/** Two entries may mean one name. @param {string} name @param {Map<string, unknown>} taken */
function unlike(name, taken) {
  let other = name;
  for (let n = 2; taken.has(other); n++) other = name.replace(/(\.[^./]*)?$/, (suffix) => ` (${n})${suffix}`);
  return other;
}
