// A picture's file -> the browser's own picture of it.
import { PagesightError } from "../errors.js";

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

/** @type {ImageBitmapOptions} */
export const AS_STORED = { colorSpaceConversion: "none", premultiplyAlpha: "none", imageOrientation: "from-image" };

/** Decodes where this worker cannot. @type {((file: Bytes) => Promise<ImageBitmap>) | undefined} */
let elsewhere;
/** @type {Promise<boolean> | undefined} */
let blobsAreRead;

/**
 * Workers of a page that was opened from a disk may not read Blobs in WebKit, and createImageBitmap() takes nothing else.
 * @param {(file: Bytes) => Promise<ImageBitmap>} decode asked where that is so: the page can
 */
export const decodeElsewhere = (decode) => void (elsewhere = decode);

/**
 * @param {Bytes} file
 * @returns {Promise<ImageBitmap>}
 */
export async function toBitmap(file) {
  try {
    return await createImageBitmap(new Blob([file]), AS_STORED);
  } catch {
    blobsAreRead ??= new Blob(["."]).arrayBuffer().then(Boolean, () => false);
    if (elsewhere && !(await blobsAreRead)) return elsewhere(file);
    throw notAPicture();
  }
}

export const notAPicture = () => new PagesightError("picture", "this is not a picture that the browser can read");

/** A larger picture is no photograph: Python refuses it, too. */
export const MOST_PIXELS = 200_000_000;
export const tooLarge = () => new PagesightError("picture", "the picture has more pixels than can be read");
