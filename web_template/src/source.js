// What callers may classify, made ready to cross into the worker.
import { AS_STORED } from "./decode.js";
import { PagesightError } from "./errors.js";

/**
 * @typedef {Blob | ImageBitmap | ImageData | HTMLImageElement | HTMLVideoElement | HTMLCanvasElement | OffscreenCanvas} Source
 */

/**
 * Blobs and bitmaps stay usable: they are copied, not moved.
 * @param {Source} source
 * @returns {Promise<{ picture: import("./decode.js").Picture, transfer: Transferable[] }>}
 */
export async function toPicture(source) {
  if (source instanceof Blob || source instanceof ImageData || source instanceof ImageBitmap) {
    return { picture: source, transfer: [] };
  }
  const picture = await capture(source);
  return { picture, transfer: [picture] };
}

/**
 * @param {HTMLImageElement | HTMLVideoElement | HTMLCanvasElement | OffscreenCanvas} source
 * @returns {Promise<ImageBitmap | VideoFrame>}
 */
async function capture(source) {
  if (!isDrawable(source)) throw new PagesightError("source", "a picture, canvas, video or file is needed");
  if (source instanceof HTMLVideoElement && source.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) {
    throw new PagesightError("source", "the video has no frame yet");
  }
  try {
    if (source instanceof HTMLImageElement) await source.decode();
    // A frame is handed over as it is; a bitmap of it would be converted on the page's own thread.
    if (source instanceof HTMLVideoElement && typeof VideoFrame === "function") return new VideoFrame(source);
    return await createImageBitmap(source, AS_STORED);
  } catch {
    throw new PagesightError("picture", "this is not a picture that the browser can read");
  }
}

/** @param {unknown} source */
const isDrawable = (source) =>
  source instanceof HTMLImageElement ||
  source instanceof HTMLVideoElement ||
  source instanceof HTMLCanvasElement ||
  source instanceof OffscreenCanvas;
