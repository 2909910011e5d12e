// What callers may classify, made ready to cross into the worker.
import { AS_STORED } from "./decode.js";
import { PagesightError } from "../errors.js";

/**
 * @typedef {HTMLImageElement | HTMLVideoElement | HTMLCanvasElement | OffscreenCanvas} Drawn
 * @typedef {Blob | ImageBitmap | ImageData | Drawn} Source
 */

const COPIED = ["Blob", "File", "ImageData", "ImageBitmap"];
const DRAWN = ["HTMLImageElement", "HTMLVideoElement", "HTMLCanvasElement", "OffscreenCanvas"];

/**
 * Blobs and bitmaps stay usable: they are copied, not moved.
 * @param {Source} source
 * @returns {Promise<{ picture: import("./decode.js").Picture, transfer: Transferable[] }>}
 */
export async function toPicture(source) {
  if (COPIED.includes(kindOf(source))) {
    return { picture: /** @type {Blob | ImageData | ImageBitmap} */ (source), transfer: [] };
  }
  if (!DRAWN.includes(kindOf(source))) throw new PagesightError("source", "a picture, canvas, video or file is needed");
  const picture = await capture(/** @type {Drawn} */ (source));
  return { picture, transfer: [picture] };
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
    throw new PagesightError("picture", "this is not a picture that the browser can read");
  }
}
