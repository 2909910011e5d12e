// Reads pixels from canvases and frames, as far as this browser gives them back as they are.
import { PagesightError } from "../errors.js";

/**
 * @typedef {object} Trust
 * @property {boolean} canvas whether a canvas gives back what was drawn: some browsers add noise, against tracking
 * @property {boolean} frames whether a bitmap's frame gives its pixels, and leaves the canvas as it was
 * @property {boolean} frameRegions whether a part of a frame can be drawn
 */

/** A pattern of known colors, no two neighbors alike. */
const WIDTH = 64;
const HEIGHT = 32;
/** What is read of it. */
const [LEFT, TOP, ACROSS, DOWN] = [5, 3, 40, 20];

/** @type {OffscreenCanvasRenderingContext2D | undefined} */
let flat;
/** @type {Promise<Trust> | undefined} */
let trusted;

/** @returns {Promise<Trust>} found out once, with a known pattern */
export const trust = () => (trusted ??= tryPattern());

/**
 * @param {ImageBitmap | VideoFrame} image
 * @param {number} left
 * @param {number} top
 * @param {number} width
 * @param {number} height
 * @param {boolean} [whole] draw all of the image, and read a part of that
 * @returns {Uint8ClampedArray} RGBA
 */
export function readCanvas(image, left, top, width, height, whole = false) {
  flat ??= newCanvas();
  const across = whole ? sizeOf(image).width : width;
  const down = whole ? sizeOf(image).height : height;
  if (flat.canvas.width !== across || flat.canvas.height !== down) {
    flat.canvas.width = across;
    flat.canvas.height = down;
  }
  flat.imageSmoothingEnabled = false;
  // What was drawn before must not shine through what is translucent now.
  flat.globalCompositeOperation = "copy";
  if (whole) flat.drawImage(image, 0, 0);
  else flat.drawImage(image, left, top, width, height, 0, 0, width, height);
  return flat.getImageData(whole ? left : 0, whole ? top : 0, width, height).data;
}

function newCanvas() {
  const context =
    typeof OffscreenCanvas === "function" && new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  if (context) return context;
  throw new PagesightError("old-browser", "this browser gives workers no canvas to read pictures with");
}

/** @param {ImageBitmap | VideoFrame} image @returns {{ width: number, height: number }} */
export const sizeOf = (image) =>
  "displayWidth" in image ? { width: image.displayWidth, height: image.displayHeight } : image;

/**
 * A bitmap as a video's frame, which gives its bytes as they are; a canvas takes a third of the decoding's time to do so.
 * @param {ImageBitmap} bitmap
 * @returns {VideoFrame | undefined} undefined for pictures that are translucent, which frames may hold premultiplied, or turned
 */
export function opaqueFrame(bitmap) {
  try {
    /** @type {VideoFrame & { rotation?: number, flip?: boolean }} */
    const frame = new VideoFrame(bitmap, { timestamp: 0 });
    const upright = frame.rotation === 0 && frame.flip === false;
    if (upright && ["RGBX", "BGRX"].includes(frame.format ?? "")) return frame;
    frame.close();
  } catch {
    // Larger than a frame may be.
  }
  return undefined;
}

/** @returns {Promise<Trust>} */
async function tryPattern() {
  const pattern = new ImageData(WIDTH, HEIGHT);
  const words = new Uint32Array(pattern.data.buffer);
  for (let i = 0; i < words.length; i++) words[i] = (Math.imul(i + 1, 2654435761) | 0xff000000) >>> 0;
  const bitmap = await createImageBitmap(pattern);
  const canvas = isPattern(words, readCanvas(bitmap, LEFT, TOP, ACROSS, DOWN));
  const frames = canvas ? await framesAreTrue(words, bitmap) : await frameIsPattern(words, bitmap);
  bitmap.close();
  return { canvas, frames, frameRegions: canvas && frameRegionsAreTrue(pattern) };
}

/** @param {Uint32Array} words the pattern's pixels @param {Uint8Array | Uint8ClampedArray} read @param {boolean} [blueFirst] */
function isPattern(words, read, blueFirst = false) {
  const [red, blue] = blueFirst ? [2, 0] : [0, 2];
  for (let y = 0, at = 0; y < DOWN; y++) {
    for (let x = 0; x < ACROSS; x++, at += 4) {
      const word = words[(TOP + y) * WIDTH + LEFT + x];
      const [r, g, b] = [word & 255, (word >> 8) & 255, (word >> 16) & 255];
      if (read[at + red] !== r || read[at + 1] !== g || read[at + blue] !== b) return false;
    }
  }
  return true;
}

/**
 * WebKit made frames of bitmaps after which the canvas read everything magnified; browsers that say how a frame is turned are later.
 * @param {Uint32Array} words
 * @param {ImageBitmap} bitmap
 */
async function framesAreTrue(words, bitmap) {
  return (await frameIsPattern(words, bitmap)) && isPattern(words, readCanvas(bitmap, LEFT, TOP, ACROSS, DOWN));
}

/** @param {Uint32Array} words @param {ImageBitmap} bitmap */
async function frameIsPattern(words, bitmap) {
  if (typeof VideoFrame !== "function" || !("rotation" in VideoFrame.prototype)) return false;
  const frame = opaqueFrame(bitmap);
  if (!frame) return false;
  const read = new Uint8Array(ACROSS * DOWN * 4);
  try {
    await frame.copyTo(read, { rect: { x: LEFT, y: TOP, width: ACROSS, height: DOWN } });
    return isPattern(words, read, frame.format === "BGRX");
  } catch {
    return false;
  } finally {
    frame.close();
  }
}

/** @param {ImageData} pattern */
function frameRegionsAreTrue(pattern) {
  if (typeof VideoFrame !== "function") return false;
  try {
    const format = { format: /** @type {const} */ ("RGBX"), codedWidth: WIDTH, codedHeight: HEIGHT, timestamp: 0 };
    const frame = new VideoFrame(pattern.data, format);
    try {
      return isPattern(new Uint32Array(pattern.data.buffer), readCanvas(frame, LEFT, TOP, ACROSS, DOWN));
    } finally {
      frame.close();
    }
  } catch {
    return false;
  }
}
