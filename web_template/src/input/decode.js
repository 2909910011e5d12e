// Reads a picture's pixels as they are stored: no colour management, no premultiplied alpha.
import { PagesightError } from "../errors.js";

/** @typedef {Blob | ImageBitmap | ImageData | VideoFrame} Picture what crosses from the page into the worker */

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

/** @type {ImageBitmapOptions} */
export const AS_STORED = { colorSpaceConversion: "none", premultiplyAlpha: "none", imageOrientation: "from-image" };

/** @type {OffscreenCanvasRenderingContext2D | null | undefined} */
let flat;
/** @type {WebGL2RenderingContext | null | undefined} */
let gl;

/**
 * @param {Picture} source
 * @returns {Promise<Pixels>}
 */
export async function openPixels(source) {
  if (source instanceof ImageData) return fromImageData(source);
  if (typeof VideoFrame === "function" && source instanceof VideoFrame) return fromVideoFrame(source);
  const bitmap = source instanceof ImageBitmap ? source : await decode(/** @type {Blob} */ (source));
  let frame = opaqueFrame(bitmap);
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
      // What was drawn before must not shine through what is translucent now.
      const rgba = readFlat(bitmap, left, top, width, height, "copy");
      const opaque = isOpaque(rgba);
      // A 2-D canvas keeps colours premultiplied, which loses bits where a pixel is translucent; WebGL does not.
      into.set((opaque ? undefined : readTexture(bitmap, left, top, width, height)) ?? rgba);
      return { opaque, blueFirst: false };
    },
    close() {
      frame?.close();
      bitmap.close();
    },
  };
}

/**
 * A bitmap as a video's frame, which gives its bytes as they are; a canvas takes a third of the decoding's time to do so.
 * @param {ImageBitmap} bitmap
 * @returns {VideoFrame | undefined} undefined for pictures that are translucent, which frames may hold premultiplied, or turned,
 *   and in older browsers
 */
function opaqueFrame(bitmap) {
  if (typeof VideoFrame !== "function") return undefined;
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

/** @param {Blob} blob */
async function decode(blob) {
  try {
    return await createImageBitmap(blob, AS_STORED);
  } catch {
    throw new PagesightError("picture", "this is not a picture that the browser can read");
  }
}

/**
 * @param {ImageData} image
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
 * @returns {Pixels}
 */
function fromVideoFrame(frame) {
  return {
    width: frame.displayWidth,
    height: frame.displayHeight,
    async read(left, top, width, height, into) {
      into.set(readFlat(frame, left, top, width, height, "source-over"));
      return { opaque: true, blueFirst: false };
    },
    close: () => frame.close(),
  };
}

/**
 * @param {ImageBitmap | VideoFrame} image
 * @param {number} left
 * @param {number} top
 * @param {number} width
 * @param {number} height
 * @param {"copy" | "source-over"} how
 */
function readFlat(image, left, top, width, height, how) {
  flat ??= new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  if (!flat) throw new PagesightError("picture", "this browser gives no canvas to read pictures with");
  if (flat.canvas.width !== width || flat.canvas.height !== height) {
    flat.canvas.width = width;
    flat.canvas.height = height;
  }
  flat.imageSmoothingEnabled = false;
  flat.globalCompositeOperation = how;
  flat.drawImage(image, left, top, width, height, 0, 0, width, height);
  return flat.getImageData(0, 0, width, height).data;
}

/** @param {Uint8Array | Uint8ClampedArray} rgba */
function isOpaque(rgba) {
  const words = new Int32Array(rgba.buffer, rgba.byteOffset, rgba.length / 4);
  let all = -1;
  for (let i = 0; i < words.length; i++) all &= words[i];
  return all >>> 24 === 255;
}

/**
 * @param {ImageBitmap} bitmap
 * @param {number} left
 * @param {number} top
 * @param {number} width
 * @param {number} height
 * @returns {Uint8ClampedArray | undefined} undefined where there is no WebGL2, or the picture is too large for it
 */
function readTexture(bitmap, left, top, width, height) {
  gl ??= new OffscreenCanvas(1, 1).getContext("webgl2");
  if (!gl || gl.isContextLost()) return undefined;
  const limit = gl.getParameter(gl.MAX_TEXTURE_SIZE);
  if (bitmap.width > limit || bitmap.height > limit) return undefined;
  const texture = gl.createTexture();
  const frame = gl.createFramebuffer();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
  gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
  gl.bindFramebuffer(gl.FRAMEBUFFER, frame);
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
  const bytes = new Uint8Array(width * height * 4);
  gl.readPixels(left, top, width, height, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
  const failed = gl.getError() !== gl.NO_ERROR;
  gl.deleteFramebuffer(frame);
  gl.deleteTexture(texture);
  return failed ? undefined : new Uint8ClampedArray(bytes.buffer);
}
