// What a picture's file says of itself, and its bytes without what browsers treat in different ways: color profiles and turns.
import { isPng, joined, readPng } from "./png_file.js";

/**
 * @typedef {Uint8Array<ArrayBuffer>} Bytes
 *
 * @typedef {object} PictureFile
 * @property {Bytes} bytes the file, for the browser's own decoder
 * @property {Bytes} [opaque] the same picture with its alpha channel left out: a WebP's colors, unmultiplied
 * @property {import("./png_file.js").Png} [png]
 */

/** Where a JPEG's pixels begin; there are no more headers. */
const START_OF_SCAN = 0xda;
/** Color profiles, and where other pictures lie that a bright screen is shown: gain maps. */
const APP2 = 0xe2;

/** VP8X, first byte: what the file says it holds. */
const [HAS_PROFILE, HAS_ALPHA, HAS_EXIF, HAS_XMP, HAS_FRAMES] = [0x20, 0x10, 0x08, 0x04, 0x02];
/** A lossless picture's header, fifth byte: whether there is an alpha channel. */
const LOSSLESS_ALPHA = 0x10;

/**
 * @param {Bytes} bytes of a file of any kind
 * @returns {PictureFile}
 */
export function readPictureFile(bytes) {
  if (isPng(bytes)) {
    const png = readPng(bytes);
    return { bytes: png.bytes, png };
  }
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return { bytes: withoutProfile(bytes) };
  if (nameAt(bytes, 0) === "RIFF" && nameAt(bytes, 8) === "WEBP") return readWebp(bytes);
  return { bytes };
}

/** @param {Bytes} bytes @param {number} at */
export const nameAt = (bytes, at) => String.fromCharCode(...bytes.subarray(at, at + 4));

/** @param {Bytes} bytes */
export const view = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** @param {Bytes} jpeg */
function withoutProfile(jpeg) {
  const parts = [jpeg.subarray(0, 2)];
  let at = 2;
  while (at + 4 <= jpeg.length && jpeg[at] === 0xff && jpeg[at + 1] !== START_OF_SCAN) {
    const end = at + 2 + view(jpeg).getUint16(at + 2);
    if (jpeg[at + 1] !== APP2) parts.push(jpeg.subarray(at, end));
    at = end;
  }
  parts.push(jpeg.subarray(at));
  return joined(parts);
}

/** @param {Bytes} webp @returns {PictureFile} */
function readWebp(webp) {
  /** @type {Bytes[]} */
  const kept = [];
  /** @type {Bytes[]} */
  const opaque = [];
  let translucent = false;
  let frames = false;
  // What lies behind the length that the file tells of itself is no part of it.
  const end = Math.min(webp.length, 8 + view(webp).getUint32(4, true));
  for (let at = 12; at + 8 <= end;) {
    const size = view(webp).getUint32(at + 4, true);
    const name = nameAt(webp, at);
    const chunk = webp.subarray(at, Math.min(end, at + 8 + size + (size % 2)));
    at += chunk.length;
    if (name === "VP8X") {
      frames = Boolean(chunk[8] & HAS_FRAMES);
      kept.push(changed(chunk, 8, HAS_PROFILE | HAS_EXIF | HAS_XMP));
      opaque.push(changed(chunk, 8, HAS_PROFILE | HAS_EXIF | HAS_XMP | HAS_ALPHA));
    } else if (name === "ALPH") {
      translucent = true;
      kept.push(chunk);
    } else if (name === "VP8L") {
      translucent ||= Boolean(chunk[12] & LOSSLESS_ALPHA);
      kept.push(chunk);
      opaque.push(changed(chunk, 12, LOSSLESS_ALPHA));
    } else if (!["ICCP", "EXIF", "XMP "].includes(name)) {
      kept.push(chunk);
      opaque.push(chunk);
    }
  }
  const bytes = riff(webp, kept);
  return translucent && !frames ? { bytes, opaque: riff(webp, opaque) } : { bytes };
}

/** @param {Bytes} chunk @param {number} at @param {number} bits that are cleared */
function changed(chunk, at, bits) {
  const copy = chunk.slice();
  copy[at] &= ~bits;
  return copy;
}

/** @param {Bytes} webp whose first twelve bytes are taken @param {Bytes[]} chunks */
function riff(webp, chunks) {
  const head = webp.slice(0, 12);
  view(head).setUint32(
    4,
    chunks.reduce((sum, { length }) => sum + length, 4),
    true,
  );
  return joined([head, ...chunks]);
}
