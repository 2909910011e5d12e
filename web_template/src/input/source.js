// What callers may classify, made ready to cross into the worker.
import { AS_STORED, notAPicture } from "./bitmap.js";
import { PagesightError } from "../errors.js";

/**
 * @typedef {HTMLImageElement | HTMLVideoElement | HTMLCanvasElement | OffscreenCanvas} Drawn
 * @typedef {Blob | ImageBitmap | ImageData | Drawn} Source
 */

const FILES = ["Blob", "File"];
const COPIED = ["ImageData", "ImageBitmap"];
const DRAWN = ["HTMLImageElement", "HTMLVideoElement", "HTMLCanvasElement", "OffscreenCanvas"];

/**
 * Blobs and bitmaps stay usable: they are copied, not moved.
 * @param {Source} source
 * @returns {Promise<{ picture: import("./decode.js").Picture, transfer: Transferable[] }>}
 */
export async function toPicture(source) {
  if (FILES.includes(kindOf(source))) {
    const picture = await bytesOf(/** @type {Blob} */ (source));
    return { picture, transfer: [picture] };
  }
  if (COPIED.includes(kindOf(source))) {
    return { picture: /** @type {ImageData | ImageBitmap} */ (source), transfer: [] };
  }
  if (!DRAWN.includes(kindOf(source))) throw new PagesightError("source", "a picture, canvas, video or file is needed");
  const picture = await capture(/** @type {Drawn} */ (source));
  return { picture, transfer: [picture] };
}

/** @param {Blob} blob @returns {Promise<ArrayBuffer>} a copy: it is moved into the worker */
async function bytesOf(blob) {
  try {
    return await blob.arrayBuffer();
  } catch {
    throw new PagesightError("picture", "this file can no longer be read");
  }
}

/**
 * The name of an object's interface, also where it was made by another frame, whose classes are others.
 * @param {unknown} source
 */
const kindOf = (source) => Object.prototype.toString.call(source).slice("[object ".length, -1);

/** @param {unknown} source @returns {source is HTMLVideoElement} */
const isVideo = (source) => kindOf(source) === "HTMLVideoElement";

/**
 * @param {Drawn} source
 * @returns {Promise<ImageBitmap | VideoFrame>}
 */
async function capture(source) {
  if (isVideo(source) && source.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) {
    throw new PagesightError("source", "the video has no frame yet");
  }
  try {
    if ("decode" in source) await source.decode();
    // A frame is handed over as it is; a bitmap of it would be converted on the page's own thread.
    if (isVideo(source) && typeof VideoFrame === "function") return new VideoFrame(source);
    return await createImageBitmap(source, AS_STORED);
  } catch {
    throw notAPicture();
  }
}
