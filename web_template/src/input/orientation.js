// How a camera was held: EXIF's tag 0x112, and pictures turned by it.

const ORIENTATION = 0x112;
/** TIFF's type of two bytes. */
const SHORT = 3;

/**
 * @param {Uint8Array<ArrayBuffer>} exif a TIFF header and its first directory
 * @returns {number} 1..8; 1, upright, where it says nothing that can be read, or not as one SHORT, as EXIF has it and browsers read it
 */
export function orientationOf(exif) {
  const view = new DataView(exif.buffer, exif.byteOffset, exif.byteLength);
  try {
    const little = view.getUint16(0) === 0x4949;
    if (view.getUint16(2, little) !== 42 || (!little && view.getUint16(0) !== 0x4d4d)) return 1;
    const directory = view.getUint32(4, little);
    for (let i = 0; i < view.getUint16(directory, little); i++) {
      const entry = directory + 2 + 12 * i;
      if (view.getUint16(entry, little) !== ORIENTATION) continue;
      if (view.getUint16(entry + 2, little) !== SHORT || view.getUint32(entry + 4, little) !== 1) return 1;
      const value = view.getUint16(entry + 8, little);
      return value >= 1 && value <= 8 ? value : 1;
    }
  } catch {
    // It ends before what it promises.
  }
  return 1;
}

/**
 * @param {{ width: number, height: number, data: Uint8ClampedArray<ArrayBuffer> }} image RGBA
 * @param {number} orientation 1..8
 * @returns {{ width: number, height: number, data: Uint8ClampedArray<ArrayBuffer> }} upright
 */
export function turned(image, orientation) {
  if (orientation === 1) return image;
  const sideways = orientation >= 5;
  const width = sideways ? image.height : image.width;
  const height = sideways ? image.width : image.height;
  const from = new Uint32Array(image.data.buffer);
  const to = new Uint32Array(from.length);
  const right = [2, 3, 7, 8].includes(orientation);
  const bottom = [3, 4, 6, 7].includes(orientation);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      const [u, v] = sideways ? [y, x] : [x, y];
      to[at] = from[(bottom ? image.height - 1 - v : v) * image.width + (right ? image.width - 1 - u : u)];
    }
  }
  return { width, height, data: new Uint8ClampedArray(to.buffer) };
}
