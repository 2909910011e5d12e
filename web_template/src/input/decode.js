// Reads a picture's pixels as they are stored: no color management, no premultiplied alpha.
import { PagesightError } from "../errors.js";
import { toBitmap } from "./bitmap.js";
import { readPictureFile } from "./picture_file.js";
import { decodePng, isDecodedHere } from "./png.js";
import { opaqueFrame, readCanvas, sizeOf, trust } from "./reading.js";
import { readTexture } from "./texture.js";

/** @typedef {ArrayBuffer | ImageBitmap | ImageData | VideoFrame} Picture what crosses from the page into the worker: a file's bytes, or what was drawn */

/**
 * @typedef {{ opaque: boolean, blueFirst: boolean }} Strip what was read: RGBA, or BGRA, not premultiplied
 *
 * @typedef {object} Pixels
 * @property {number} width
 * @property {number} height
 * @property {(left: number, top: number, width: number, height: number, into: Uint8Array<ArrayBuffer>) => Promise<Strip>} read
 *   into width × height × 4 bytes
 * @property {() => void} close
 */

/**
 * @param {Picture} source
 * @returns {Promise<Pixels>}
 */
export async function openPixels(source) {
  if (source instanceof ImageData) return fromImageData(source);
  if (source instanceof ArrayBuffer) return fromFile(new Uint8Array(source));
  if (source instanceof ImageBitmap) return fromBitmap(source);
  return fromVideoFrame(source);
}

/**
 * @param {Uint8Array<ArrayBuffer>} file
 * @returns {Promise<Pixels>}
 */
async function fromFile(file) {
  const { bytes, opaque, png } = readPictureFile(file);
  if (png && typeof DecompressionStream === "function" && (isDecodedHere(png) || !(await trust()).canvas)) {
    try {
      return fromImageData(await decodePng(png));
    } catch (error) {
      if (error instanceof PagesightError) throw error;
      // Damaged, or too large: the browser may read what is left of it.
    }
  }
  if (!opaque) return fromBitmap(await toBitmap(bytes));
  const [colors, alpha] = await Promise.all([toBitmap(opaque), toBitmap(bytes)]);
  return withAlpha(await fromBitmap(colors), await fromBitmap(alpha));
}

/**
 * Multiplying by alpha loses bits of the colors, and none of alpha.
 * @param {Pixels} colors
 * @param {Pixels} alpha
 * @returns {Pixels}
 */
function withAlpha(colors, alpha) {
  return {
    ...colors,
    async read(left, top, width, height, into) {
      const clear = new Uint8Array(into.length);
      const { opaque } = await alpha.read(left, top, width, height, clear);
      const strip = await colors.read(left, top, width, height, into);
      for (let i = 3; i < into.length; i += 4) into[i] = clear[i];
      return { ...strip, opaque };
    },
    close() {
      colors.close();
      alpha.close();
    },
  };
}

/**
 * @param {ImageBitmap} bitmap
 * @returns {Promise<Pixels>}
 */
async function fromBitmap(bitmap) {
  const { frames, canvas } = await trust();
  let frame = frames ? opaqueFrame(bitmap) : undefined;
  return {
    width: bitmap.width,
    height: bitmap.height,
    async read(left, top, width, height, into) {
      if (frame) {
        try {
          await frame.copyTo(into, { rect: { x: left, y: top, width, height } });
          return { opaque: true, blueFirst: frame.format === "BGRX" };
        } catch {
          // It may lie on a graphics card that was lost; the canvas tells what is left of it.
          frame.close();
          frame = undefined;
        }
      }
      if (!canvas) throw alteredPictures();
      const rgba = readCanvas(bitmap, left, top, width, height);
      const opaque = isOpaque(rgba);
      // A 2-D canvas keeps colors premultiplied, which loses bits where a pixel is translucent; WebGL does not.
      into.set((opaque ? undefined : readTexture(bitmap, left, top, width, height)) ?? rgba);
      return { opaque, blueFirst: false };
    },
    close() {
      frame?.close();
      bitmap.close();
    },
  };
}

const alteredPictures = () =>
  new PagesightError("altered-pictures", "this browser alters the pictures that pages read, against tracking");

/**
 * @param {{ data: Uint8ClampedArray, width: number, height: number }} image
 * @returns {Pixels}
 */
function fromImageData({ data, width, height }) {
  return {
    width,
    height,
    async read(left, top, columns, rows, into) {
      for (let y = 0; y < rows; y++) {
        const from = ((top + y) * width + left) * 4;
        into.set(data.subarray(from, from + columns * 4), y * columns * 4);
      }
      return { opaque: isOpaque(into), blueFirst: false };
    },
    close: () => {},
  };
}

/**
 * @param {VideoFrame} frame
 * @returns {Promise<Pixels>}
 */
async function fromVideoFrame(frame) {
  const { canvas, frameRegions } = await trust();
  return {
    ...sizeOf(frame),
    async read(left, top, width, height, into) {
      if (canvas) into.set(readCanvas(frame, left, top, width, height, !frameRegions));
      else await readConverted(frame, { x: left, y: top, width, height }, into);
      return { opaque: true, blueFirst: false };
    },
    close: () => frame.close(),
  };
}

/**
 * Without a canvas.
 * @param {VideoFrame} frame
 * @param {DOMRectInit} rect
 * @param {Uint8Array<ArrayBuffer>} into
 */
async function readConverted(frame, rect, into) {
  try {
    const options = { rect, format: "RGBX" };
    const [{ stride }] = await frame.copyTo(into, /** @type {VideoFrameCopyToOptions} */ (options));
    // Older ones do not know the option, and give the frame's own format.
    if (stride === 4 * Number(rect.width)) return;
  } catch {
    // Nor that rectangle, in a format of two by two pixels.
  }
  throw alteredPictures();
}

/** @param {Uint8Array | Uint8ClampedArray} rgba */
function isOpaque(rgba) {
  const words = new Int32Array(rgba.buffer, rgba.byteOffset, rgba.length / 4);
  let all = -1;
  for (let i = 0; i < words.length; i++) all &= words[i];
  return all >>> 24 === 255;
}
