// Zips of files in memory, the same bytes for the same files.
import { unzipSync, zipSync } from "fflate";
import { meantName } from "./zip_names.js";

/** @typedef {Record<string, Uint8Array<ArrayBuffer>>} Files bytes by path, with '/' between folders */

/** The first moment that a zip can name: no clock in what is written. */
const NO_DATE = "1980-01-01";
const PACKED_ALREADY = /\.(jpe?g|png|webp|gif|avif)$/i;
/** A file beyond is no picture and no part of a model that a browser holds. */
const MOST_BYTES = 256 << 20;

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
 */
export function unzip(bytes) {
  const found = unzipSync(bytes, {
    filter: ({ name, originalSize }) =>
      !/(^|[/\\])(\.[^/\\.]|__MACOSX[/\\])|[/\\]$/.test(name) && originalSize <= MOST_BYTES,
  });
  return Object.fromEntries(Object.entries(found).map(([path, data]) => [meantName(path), new Uint8Array(data)]));
}
