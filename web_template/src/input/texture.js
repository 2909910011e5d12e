// Reads a bitmap's pixels as a texture: not premultiplied, as they came.

/** @type {WebGL2RenderingContext | null | undefined} */
let gl;

/**
 * @param {ImageBitmap} bitmap
 * @param {number} left
 * @param {number} top
 * @param {number} width
 * @param {number} height
 * @returns {Uint8ClampedArray | undefined} undefined where there is no WebGL2, or the picture is too large for it
 */
export function readTexture(bitmap, left, top, width, height) {
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
